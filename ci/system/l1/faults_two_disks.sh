# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: Apache-2.0
#
# What the kernel sees of two disks that are opened: their resets are at the same time, and memory, with which mayfly begins
# meanwhile, is mapped once. On this host because it has two, and before faults_too_early.sh spoils them. Sourced after that.

case_each_byte_is_mapped_once_beside_one_reset_of_each_device() {
  local tracing=/sys/kernel/tracing judged
  "$MAYFLY" device bind "$(DISK=1 nvme)" "$(DISK=2 nvme)" >/dev/null || fail "cannot bind"
  printf '%s\n' 'p:reset_begin pci_try_reset_function' 'r:reset_end pci_try_reset_function' >$tracing/kprobe_events || fail "the host's kernel cannot trace resets"
  echo 1 >$tracing/events/kprobes/enable
  echo 1 >$tracing/events/iommu/map/enable
  echo 1 >$tracing/events/iommu/unmap/enable
  : >$tracing/trace
  start_run --memory 1G --pages 4k --device "vfio=$(DISK=1 nvme)" --device "vfio=$(DISK=2 nvme)" -- sh -c 'read -r go'
  await "$run_pid" has_pinned $((1 << 20))
  echo go >&5
  end_run
  expect_status 0
  echo 0 >$tracing/events/iommu/enable
  echo 0 >$tracing/events/kprobes/enable
  cat $tracing/trace >"$WORK/trace"
  : >$tracing/kprobe_events
  [[ "$(json "$WORK/t.json" '(lambda p: p["dma_populate"]["begin_ns"] < p["open_devices"]["end_ns"])({x["name"]: x for x in t["phases"]})')" == True ]] ||
    fail "memory waits for the resets: $(json "$WORK/t.json" 't["phases"]')"
  judged="$(kept_python "$REPO/ci/system/l1/map_trace.py" "$WORK/trace" $((1 << 30)) 2)"
  [[ "$judged" == once ]] ||
    fail "$judged; $(grep -c . "$WORK/trace") lines such as $(grep -m 1 -E ' (map|unmap|reset_[a-z]*): ' "$WORK/trace")"
}
