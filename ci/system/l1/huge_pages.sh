# shellcheck shell=bash disable=SC2154,SC2034
# SPDX-License-Identifier: Apache-2.0
#
# On a host that has set one page of 1 GiB and 600 of 2 MiB aside since it booted.

# The unit tests that find no huge pages elsewhere.
case_held_huge_pages_go_back() {
  "$REPO/build/test/mayfly_memory_test" --gtest_filter='HugePuncherTest.*' >"$WORK/out" 2>&1 || fail "$(<"$WORK/out")"
  grep -q 'PASSED.* 2 tests' "$WORK/out" || fail "not both were run: $(<"$WORK/out")"
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
