# shellcheck shell=bash disable=SC2154,SC2016,SC2034
# SPDX-License-Identifier: Apache-2.0
#
# Guest memory from `mayfly pool`, on a host that has set huge pages aside.

# start_pool MEMORY...: a pool at $WORK/pool, whose lines go to $WORK/said; waits until it says that it is ready.
start_pool() {
  "$MAYFLY" pool --socket "$WORK/pool" "$@" >"$WORK/said" 2>"$WORK/pool.err" &
  pool_pid=$!
  trap 'kill "$pool_pid" 2>/dev/null' EXIT
  await_said "$#"
}

# await_said LINES: until the pool has said so many.
await_said() { await "$pool_pid" has_lines "$WORK/said" "$1" ""; }

end_pool() {
  kill "$pool_pid"
  wait "$pool_pid" || fail "the pool ended with status $?: $(<"$WORK/pool.err")"
}

free_pages() { awk '/^HugePages_Free:/ { print $2 }' /proc/meminfo; }
pool_has() { "$MAYFLY" pool --status "$WORK/pool" | awk 'NR == 2 { print $4, $5, $11 }'; }

# 256 pages of 2 MiB: two pieces of 256 MiB, of which the guest has one.
case_guest_runs_in_memory_of_a_pool_which_has_its_pages_back() {
  local free
  free="$(free_pages)"
  start_pool 256M,count=2
  (($(free_pages) == free - 256)) || fail "$(free_pages) pages free of $free"
  mayfly_run --memory 256M --pool "$WORK/pool" --timeline "$WORK/t.json" -- sh -c 'echo $((6 * 7))' </dev/null
  expect_out 42
  [[ "$(json "$WORK/t.json" 't["memory"]["pages"]')" == 2m ]] || fail "memory: $(json "$WORK/t.json" 't["memory"]')"
  await_said 2
  [[ "$(pool_has)" == '2 0 1' ]] || fail "ready, lent, handed out: $(pool_has)"
  (($(free_pages) == free - 256)) || fail "$(free_pages) pages free of $free"
  mayfly_run --memory 512M --pool "$WORK/pool" -- true </dev/null
  expect_status 125
  expect_err_has 'it keeps no 512 MiB; it keeps 256 MiB of 2m pages'
  end_pool
  (($(free_pages) == free)) || fail "$(free_pages) pages free of $free"
}

# All page tables, too: the guest's memory was there before it was asked for.
case_memory_of_a_pool_can_be_prefaulted() {
  start_pool 1G,pages=1g
  mayfly_run --memory 1G --pool "$WORK/pool" --prefault all --timeline "$WORK/t.json" -- true </dev/null
  expect_status 0
  [[ "$(json "$WORK/t.json" '[t["memory"]["pages"], t["prefault"]["mapped_bytes"]]')" == "['1g', 1073741824]" ]] ||
    fail "memory: $(json "$WORK/t.json" '[t["memory"], t["prefault"]]')"
  end_pool
}

case_pool_without_enough_pages_says_so_and_ends() {
  status=0
  "$MAYFLY" pool --socket "$WORK/pool" 2G >"$WORK/out" 2>"$WORK/err" || status=$?
  err="$(<"$WORK/err")"
  expect_status 125
  expect_err_has 'cannot fill 2048 MiB of 2m pages: not enough free 2m pages'
}
