# shellcheck shell=bash disable=SC2154,SC2034
# SPDX-License-Identifier: Apache-2.0
#
# On a host of two NUMA nodes, each with 300 huge pages of 2 MiB; node 0 has the processors.

# free_of NODE: its huge pages that are free.
free_of() { cat "/sys/devices/system/node/node$1/hugepages/hugepages-2048kB/free_hugepages"; }

# with_guest COMMAND OPTION...: runs COMMAND while a guest with these options is up, of mayfly $pid.
with_guest() {
  local then="$1"
  shift
  rm -f "$WORK/out"
  "$MAYFLY" run --image "$IMAGE" --prefault all "$@" -- sh -c 'echo up; while :; do sleep 1; done' >"$WORK/out" 2>"$WORK/err" </dev/null &
  pid=$!
  await "$pid" has_line "$WORK/out" up
  "$then"
  kill -KILL "$pid"
  wait "$pid" 2>/dev/null
}

note_free() { free="$(free_of 0) $(free_of 1)"; }
# Pages of guest memory on each node, whatever their size: "N0=… N1=…".
note_pages() { pages="$(awk '/memfd:mayfly-ram/ { for (i = 1; i <= NF; i++) if ($i ~ /^N[0-9]+=/) printf "%s ", $i }' "/proc/$pid/numa_maps")"; }

case_memory_comes_from_the_nodes_that_are_named() {
  note_free
  [[ "$free" == '300 300' ]] || fail "the host has $free"
  with_guest note_free --memory 512M --pages 2m --numa 1
  [[ "$free" == '300 44' ]] || fail "node 1: $free are left"
  with_guest note_free --memory 512M --pages 2m --numa 0,1
  [[ "$free" == '172 172' ]] || fail "nodes 0 and 1: $free are left"
  note_free
  [[ "$free" == '300 300' ]] || fail "after the runs $free are left"
}

case_small_pages_come_from_the_node_that_is_named() {
  with_guest note_pages --memory 256M --pages 4k --numa 1
  [[ "$pages" == 'N1=65536 ' ]] || fail "guest memory is on $pages"
}

case_guest_that_does_not_fit_on_a_node_is_refused() {
  mayfly_run --memory 1G --pages 2m --numa 1 -- true </dev/null
  expect_status 125
  expect_err_has 'not enough free 2m pages on node 1: 300 free, 512 needed; reserve them with `echo 512 | sudo tee /sys/devices/system/node/node1/'
  mayfly_run --numa 2 -- true </dev/null
  expect_status 125
  expect_err_has 'this host has no node 2 with memory; those that have are 0-1'
  mayfly_run --memory 4G --pages 4k --numa 0 -- true </dev/null
  expect_status 125
  expect_err_has 'the guest is to have 4096 MiB of node 0, which has'
}

# Pages of one node alone are not enough for it, those of both are.
case_auto_takes_small_pages_where_a_node_lacks_huge_ones() {
  pages=thp expect_pages --memory 1026M --numa 1
  pages=2m expect_pages --memory 1026M --numa 0,1
}
