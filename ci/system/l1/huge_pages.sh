# shellcheck shell=bash disable=SC2154,SC2034
# SPDX-License-Identifier: Apache-2.0
#
# On a host that has set one page of 1 GiB and 600 of 2 MiB aside since it booted.

# expect_passed LIBRARY TESTS COUNT: unit tests that find no such host elsewhere; so many are run.
expect_passed() {
  "$REPO/build/test/mayfly_$1_test" --gtest_filter="$2" >"$WORK/out" 2>&1 || fail "$(<"$WORK/out")"
  grep -q "PASSED.* $3 test" "$WORK/out" || fail "not $3 were run: $(<"$WORK/out")"
}

case_held_huge_pages_go_back() { expect_passed memory 'HugePuncherTest.*' 2; }

case_sparse_memory_takes_no_huge_pages() {
  local -r file=/sys/kernel/mm/transparent_hugepage/enabled
  local before
  before="$(grep -o '\[.*\]' $file | tr -d '[]')"
  # shellcheck disable=SC2064  # as it is now
  trap "echo $before >$file" EXIT
  echo always >$file
  expect_passed base 'SparseMemory.*' 1
}

# expect_pages OPTION...: a run with them boots, in memory of the pages named in $pages.
expect_pages() {
  mayfly_run --timeline "$WORK/t.json" "$@" -- sh -c 'exit 7' </dev/null
  expect_status 7
  [[ "$(json "$WORK/t.json" 't["memory"]["pages"]')" == "$pages" ]] || fail "took $(json "$WORK/t.json" 't["memory"]')"
}

case_gibibyte_page_is_used_when_asked_for() { pages=1g expect_pages --memory 1G --pages 1g; }

case_auto_takes_the_largest_pages_that_are_free() {
  pages=1g expect_pages --memory 1G
  pages=2m expect_pages --memory 1026M
}

case_gibibyte_pages_that_are_not_there_are_an_error() {
  mayfly_run --memory 2G --pages 1g -- true </dev/null
  expect_status 125
  expect_err_has '1 free, 2 needed'
  expect_err_has '/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages'
}

# The page of 1 GiB is another's.
hold_gibibyte_page() {
  "$MAYFLY" run --image "$IMAGE" --memory 1G --pages 1g -- sh -c 'echo up; exec sleep 1000' >"$WORK/held" 2>"$WORK/held.err" </dev/null &
  holder=$!
  # shellcheck disable=SC2064  # the number as it is now
  trap "kill -KILL $holder 2>/dev/null" EXIT
  await "$holder" has_line "$WORK/held" up
}

case_pages_that_are_taken_can_be_waited_for() {
  hold_gibibyte_page
  "$MAYFLY" run --image "$IMAGE" --memory 1G --pages 1g --pages-fallback queue --timeline "$WORK/t.json" -- sh -c 'exit 7' \
    >"$WORK/out" 2>"$WORK/err" </dev/null &
  local waits=$!
  await "$waits" has_line "$WORK/err" 'mayfly: not enough free 1g pages: 0 free, 1 needed; waits for them'
  sleep 1
  [[ -e /proc/$waits && ! -s $WORK/t.json ]] || fail "it has not waited: $(<"$WORK/err")"
  kill -KILL "$holder"
  status=0
  wait "$waits" || status=$?
  expect_status 7
  [[ "$(json "$WORK/t.json" 't["memory"]["pages"]')" == 1g ]] || fail "took $(json "$WORK/t.json" 't["memory"]')"
}

case_smaller_pages_can_do_for_those_that_are_taken() {
  hold_gibibyte_page
  pages=2m expect_pages --memory 1G --pages 1g --pages-fallback small
  expect_err_has 'mayfly: not enough free 1g pages: 0 free, 1 needed; takes 2m pages'
  mayfly_run --memory 1G --pages 1g --pages-fallback queue --timeout 2s -- true </dev/null
  expect_status 124
  expect_err_has 'mayfly: --timeout ran out while it waited for pages'
}
