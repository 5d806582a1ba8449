# shellcheck shell=bash disable=SC2154,SC2016,SC2034
# SPDX-License-Identifier: Apache-2.0
#
# Devices that somebody else has opened: a broker that lends them, and descriptors that the caller hands over.

SOCKET="$WORK/broker"

# Counts from here on how often a function that VFIO has opened or was asked to reset is reset, and irqchips with pins.
count_resets() {
  local tracing=/sys/kernel/tracing
  echo nop >$tracing/current_tracer
  printf '%s\n' pci_try_reset_function kvm_ioapic_init >$tracing/set_ftrace_filter || fail "the host's kernel cannot trace resets"
  echo function >$tracing/current_tracer
  : >$tracing/trace
}
# expect_resets NUMBER: so many since then.
expect_resets() {
  local resets
  resets="$(grep -c 'pci_try_reset_function <-' /sys/kernel/tracing/trace)"
  [[ "$resets" == "$1" ]] || fail "$resets resets, not $1"
}
# No irqchip with pins was made since then.
expect_no_pins() { ! grep -q 'kvm_ioapic_init <-' /sys/kernel/tracing/trace || fail "KVM has pins for a disk that interrupts by MSI-X"; }
stop_counting_resets() { echo nop >/sys/kernel/tracing/current_tracer; }

# start_broker ADDRESS...: a broker, $broker_pid, whose words go to $WORK/broker.out and $WORK/broker.err.
start_broker() {
  bind_all
  : >"$WORK/tenant.out"
  "$MAYFLY" device serve --socket "$SOCKET" --iommu "$BACKEND" "$@" >"$WORK/broker.out" 2>"$WORK/broker.err" </dev/null &
  broker_pid=$!
  trap 'kill -KILL "$broker_pid" 2>/dev/null' EXIT # of a case that has failed
}

await_ready() { await "$broker_pid" has_lines "$WORK/broker.out" "$1" "is ready (${BACKEND/auto/type1}"; }

end_broker() {
  kill -TERM "$broker_pid"
  status=0
  wait "$broker_pid" || status=$?
  expect_status 0
  [[ ! -e "$SOCKET" ]] || fail "the socket is still there"
}

# The first tenant reads what the host wrote, the second what the first wrote; each gets the disk reset once, before it came.
case_broker_resets_a_disk_once_for_each_of_two_tenants() {
  local bytes=$((32 << 20)) from_host written
  write_from_host "$bytes"
  count_resets
  start_broker "$(nvme)"
  await_ready 1
  expect_resets 1 # before anybody wants the disk
  [[ "$(stat -c %a "$SOCKET")" == 600 ]] || fail "the socket's mode is $(stat -c %a "$SOCKET")"
  mayfly_run --kernel "$PASSTHROUGH/vmlinux" --device "vfio=$(nvme),broker=$SOCKET" -- sh -c '
    head -c '"$bytes"' /dev/nvme0n1 | sha256sum
    head -c '"$bytes"' /dev/urandom >/tmp/new
    sha256sum </tmp/new
    dd if=/tmp/new of=/dev/nvme0n1 bs=1M oflag=direct status=none' </dev/null
  expect_status 0
  [[ "$(sed -n 1p <<<"$out")" == "$from_host" ]] || fail "the guest reads something else than the host wrote"
  written="$(sed -n 2p <<<"$out")"
  mayfly_run --kernel "$PASSTHROUGH/vmlinux" --device "vfio=$(nvme),broker=$SOCKET" -- sh -c 'head -c '"$bytes"' /dev/nvme0n1 | sha256sum' </dev/null
  expect_status 0
  expect_out "$written"
  await_ready 3
  expect_resets 3 # before the first tenant, between the two, and after the second
  expect_no_pins
  end_broker
  stop_counting_resets
  no_dmar_fault
}

case_broker_takes_a_disk_back_from_a_killed_tenant() {
  start_broker "$(nvme)"
  "$MAYFLY" run --image "$IMAGE" --kernel "$PASSTHROUGH/vmlinux" --device "vfio=$(nvme),broker=$SOCKET" -- \
    sh -c 'echo up; while :; do dd if=/dev/nvme0n1 of=/dev/null bs=64k count=64 iflag=direct status=none; done' >"$WORK/tenant.out" 2>"$WORK/tenant.err" </dev/null &
  local pid=$!
  await "$broker_pid" has_lines "$WORK/tenant.out" 1 '^up$'
  refused_device "vfio=$(nvme),broker=$SOCKET" "device $(nvme) is lent to process $pid"
  kill -KILL "$pid"
  wait "$pid"
  mayfly_run --kernel "$PASSTHROUGH/vmlinux" --device "vfio=$(nvme),broker=$SOCKET" -- \
    dd if=/dev/nvme0n1 of=/dev/null bs=1M count=8 iflag=direct status=none </dev/null
  expect_status 0
  [[ ! -s "$WORK/broker.err" ]] || fail "the broker says: $(<"$WORK/broker.err")"
  end_broker
  no_dmar_fault
}

# A tenant that keeps a file of the disk gets nobody into trouble but who wants that disk, and only as long as it does so.
case_broker_quarantines_a_disk_that_a_tenant_keeps_open() {
  start_broker "$(nvme)" "$(edu)"
  await_ready 2
  mkfifo "$WORK/keep"
  python3 -c '
import array, socket, struct, sys
asks = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
asks.connect(sys.argv[1])
bus, device, function = (int(part, 16) for part in sys.argv[2].replace(".", ":").split(":")[1:])
asks.send(struct.pack("<4IQ", 0x3142464d, 2, 1, 0, 512 << 20) + struct.pack("<I4B", 0, bus, device, function, 0).ljust(128, b"\0"))
answer, files, _, _ = socket.recv_fds(asks, 520, 18)
assert struct.unpack("<4I", answer[:16])[2:] == (1, 1) and len(files) == 2, (answer, files)
asks.close()
open(sys.argv[3]).read()' "$SOCKET" "$(nvme)" "$WORK/keep" 2>"$WORK/leak.err" &
  local leak=$!
  exec 6>"$WORK/keep"
  await "$broker_pid" has_lines "$WORK/broker.err" 1 "quarantined: $(nvme): .*in use by another process"
  refused_device "vfio=$(nvme),broker=$SOCKET" "device $(nvme) is quarantined" 'in use by another process'
  run_edu 0000:00:04.0 msi --device "vfio=$(edu),broker=$SOCKET"
  exec 6>&-
  wait "$leak" || fail "the tenant: $(<"$WORK/leak.err")"
  await "$broker_pid" has_lines "$WORK/broker.out" 2 "$(nvme) is ready"
  mayfly_run --kernel "$PASSTHROUGH/vmlinux" --device "vfio=$(nvme),broker=$SOCKET" -- test -b /dev/nvme0n1 </dev/null
  expect_status 0
  end_broker
}

case_broker_lends_two_devices_to_one_guest() {
  start_broker "$(nvme),$(edu)"
  EDU_WORDS=disk=/dev/nvme0n1 run_edu 0000:00:05.0 intx --device "vfio=$(nvme),broker=$SOCKET" --device "vfio=$(edu),broker=$SOCKET" --memory 1G
  grep -q '^edu: the disk was read' "$WORK/console" || fail "the guest has no disk: $(tail -n 3 "$WORK/console")"
  end_broker
  no_dmar_fault
}

# The guest of a disk whose broker keeps memory with it maps nothing and waits for nothing, also after a tenant that was killed.
case_broker_keeps_memory_that_is_mapped_before_the_guest_is() {
  local bytes=$((128 << 20)) from_host tenant
  write_from_host "$bytes"
  start_broker "$(nvme),$(edu),memory=512M,pages=4k"
  for tenant in 1 2; do
    mayfly_run --kernel "$PASSTHROUGH/vmlinux" --device "vfio=$(nvme),broker=$SOCKET" --timeline "$WORK/t.json" -- \
      sh -c 'dd if=/dev/nvme0n1 bs=1M count=128 iflag=direct status=none | sha256sum' </dev/null
    expect_status 0
    expect_out "$from_host"
    [[ "$(json "$WORK/t.json" '[t["memory"]["pages"]] + [t["dma"][k] >> 20 for k in ("ram_bytes", "mapped_bytes_at_ready")]')" == "['4k', 512, 512]" &&
      "$(json "$WORK/t.json" '[t["dma"][k] for k in ("populate_calls", "map_calls", "bus_master_waits")]')" == '[0, 0, 0]' ]] ||
      fail "tenant $tenant: $(json "$WORK/t.json" '[t["memory"], t["dma"]]')"
  done
  "$MAYFLY" run --image "$IMAGE" --kernel "$PASSTHROUGH/vmlinux" --device "vfio=$(nvme),broker=$SOCKET" -- \
    sh -c 'echo up; while :; do dd if=/dev/nvme0n1 of=/dev/null bs=64k count=64 iflag=direct status=none; done' >"$WORK/tenant.out" 2>"$WORK/tenant.err" </dev/null &
  local pid=$!
  await "$broker_pid" has_lines "$WORK/tenant.out" 1 '^up$'
  kill -KILL "$pid"
  wait "$pid"
  mayfly_run --kernel "$PASSTHROUGH/vmlinux" --device "vfio=$(nvme),broker=$SOCKET" --memory 1G -- true </dev/null
  expect_status 125
  expect_err_has "device $(nvme) with 512 MiB of 4k pages"
  mayfly_run --kernel "$PASSTHROUGH/vmlinux" --device "vfio=$(edu),broker=$SOCKET" -- true </dev/null
  expect_status 0
  ! grep -q quarantined "$WORK/broker.err" || fail "the broker says: $(<"$WORK/broker.err")"
  end_broker
  no_dmar_fault
}

case_broker_that_cannot_serve_is_said() {
  bind_all
  refused_device "vfio=$(nvme),broker=$WORK/none" "no broker serves at $WORK/none"
  : >"$WORK/file"
  refused_device "vfio=$(nvme),broker=$WORK/file" "$WORK/file is no socket"
  start_broker "$(nvme)"
  await_ready 1
  refused_device "vfio=$(edu),broker=$SOCKET" "does not have device $(edu)" "it has $(nvme)"
  err="$("$MAYFLY" device serve --socket "$SOCKET" "$(edu)" 2>&1)" && fail "a second broker at one socket"
  expect_err_has 'somebody serves there already'
  err="$("$MAYFLY" device serve --socket "$WORK/other" "$(nvme)" 2>&1)" && fail "a second broker of one disk"
  expect_err_has 'in use by another process'
  kill -KILL "$broker_pid"
  wait "$broker_pid"
  start_broker "$(nvme)" # over what the killed one has left
  await_ready 1
  end_broker
}

case_descriptors_of_the_caller_are_used() {
  bind_all
  exec 7<>/dev/vfio/vfio 8<>"/dev/vfio/$(group_of "$(nvme)")"
  mayfly_run --kernel "$PASSTHROUGH/vmlinux" --device "vfio=$(nvme),container=7,group=8" -- test -b /dev/nvme0n1 </dev/null
  expect_status 0
  refused_device "vfio=$(edu),container=7,group=8" "descriptor 8 (group=) is not the IOMMU group of device $(edu)"
  refused_device "vfio=$(nvme),container=8,group=8" "descriptor 8 (container=) is not VFIO's container"
  exec 7>&- 8>&-
  refused_device "vfio=$(nvme),container=7,group=8" 'descriptor 7 (container=) is not open'
}
