# shellcheck shell=bash disable=SC2154,SC2016,SC2034
# SPDX-License-Identifier: Apache-2.0
#
# Guest memory for passed-through devices: what is mapped when, what waits for it, and what if it cannot be.

# expect_dma CONDITION: holds of what the last run's timeline says of the DMA map, such as 'bus_master_waits == 0'.
expect_dma() {
  [[ "$(json "$WORK/t.json" "eval('$1', {}, {**t['dma'], **t['spans']})")" == True ]] ||
    fail "not so: $1; $(json "$WORK/t.json" '{**t["dma"], **t["spans"]}')"
}

# KiB of its memory that a process has pinned: type1 counts that as locked, iommufd as pinned.
pinned() { awk '/^Vm(Lck|Pin):/ { sum += $2 } END { print sum + 0 }' "/proc/$1/status"; }

# has_pinned KIB: whether the run has pinned that much.
has_pinned() { (($(pinned "$run_pid") >= $1)); }

# nice_of PROCESS: of each of its threads, each value once.
nice_of() { sed 's/.*) //' "/proc/$1/task/"*/stat | cut -d ' ' -f 17 | sort -u; }

# What opens a device goes before all others, and is gone when a guest runs; what it has started goes before nobody.
expect_ordinary_priority() {
  [[ "$(nice_of "$run_pid")" == "$(nice_of $$)" ]] || fail "nice of mayfly's threads: $(nice_of "$run_pid" | xargs)"
}

# start_run OPTION...: a run in the background, $run_pid; its stdin is descriptor 5. It ends by itself in the end.
start_run() {
  rm -f "$WORK/go"
  mkfifo "$WORK/go"
  "$MAYFLY" run --image "$IMAGE" --kernel "$PASSTHROUGH/vmlinux" --timeline "$WORK/t.json" --timeout 10m "$@" \
    >"$WORK/out" 2>"$WORK/err" <"$WORK/go" &
  run_pid=$!
  exec 5>"$WORK/go"
}

# Waits for its end; its stdin ends after that.
end_run() {
  status=0
  wait "$run_pid" || status=$?
  exec 5>&-
  out="$(<"$WORK/out")" err="$(<"$WORK/err")"
}

# No driver uses the device: the guest is ready with no more than the window mapped, and all of it is soon after.
case_ready_comes_before_all_memory_is_mapped() {
  bind_all
  start_run --memory 1G --pages 4k --dma-window 128M --device "$(passed edu)" -- sh -c 'read -r go'
  await "$run_pid" has_pinned $((1 << 20))
  echo go >&5
  end_run
  expect_status 0
  expect_dma 'mapped_bytes_at_ready <= 128 << 20'
  expect_dma 'bus_master_waits == 0'
  expect_dma 'exec_to_fully_mapped_ns > exec_to_ready_ns'
  expect_dma 'mapped_bytes == populated_bytes == ram_bytes == 1 << 30'
}

# map_status EXPRESSION: over `t`, what the run says of its DMA map; nothing where it is being taken down.
map_status() {
  "$MAYFLY" status mapped --json >"$WORK/status.json" || fail "no status: $(<"$WORK/err")"
  json "$WORK/status.json" "(lambda t: $1)(t['dma'])"
}

# The map as others see it: partly there, growing, finished.
case_status_shows_the_map_from_partly_to_fully_mapped() {
  local partly=no before=0 now=0 tries
  bind_all
  start_run --id mapped --memory 2G --pages 4k --dma-window 128M --device "$(passed edu)" -- sh -c 'read -r go'
  until "$MAYFLY" status mapped >"$WORK/status" 2>&1; do pause; done
  for ((tries = 0; tries < 600 && now < 2 << 30; tries++)); do
    now="$(map_status 't["mapped_bytes"]')"
    ((now >= before)) || fail "the map shrinks from $before to $now"
    ((now == 0 || now == 2 << 30)) || partly=yes
    before="$now"
  done
  [[ "$partly" == yes ]] || fail "never seen partly mapped: $(<"$WORK/status.json")"
  [[ "$(map_status 't["populated_bytes"] == t["mapped_bytes"] == t["ram_bytes"] == 2 << 30 and "failure" not in t')" == True ]] ||
    fail "$(<"$WORK/status.json")"
  "$MAYFLY" status mapped >"$WORK/status"
  has_line "$WORK/status" 'dma +2048 of 2048 MiB mapped \(100 %\), 2048 MiB populated, [0-9]+ MiB held; finished' || fail "$(<"$WORK/status")"
  has_line "$WORK/status" "devices +$(passed edu | sed 's/^vfio=//; s/,.*//')" || fail "$(<"$WORK/status")"
  ! "$MAYFLY" balloon mapped 64M 2>"$WORK/refusal" || fail 'a VM without a balloon is resized'
  echo go >&5
  end_run
  expect_status 0
}

# Its driver makes the disk bus master: that write waits for all memory, since the guest has promised nothing: with a
# balloon, however small, its kernel does not take memory over little by little.
case_bus_mastering_waits_until_all_memory_is_mapped() {
  bind_all
  mayfly_run --memory 1G --balloon 2M --pages 4k --kernel "$PASSTHROUGH/vmlinux" --device "$(passed nvme)" --timeline "$WORK/t.json" -- \
    sh -c 'dd if=/dev/nvme0n1 of=/dev/null bs=1M count=8 iflag=direct status=none' </dev/null
  expect_status 0
  expect_dma 'bus_master_waits == 1'
  expect_dma 'bus_master_wait_ns > 0'
  expect_dma 'exec_to_dma_settled_ns < exec_to_ready_ns'
  expect_dma 'mapped_bytes_at_ready == mapped_bytes == ram_bytes'
  no_dmar_fault
}

# Our kernel takes memory over little by little, and only what it has taken over must be mapped for its devices.
case_lazy_memory_is_mapped_after_the_guest_is_ready() {
  local from_host
  write_from_host $((64 << 20))
  start_run --memory 2G --pages thp --device "$(passed nvme)" -- sh -c '
    dd if=/dev/nvme0n1 bs=1M count=64 iflag=direct status=none | sha256sum
    head -c 1600M /dev/zero >/tmp/all
    dd if=/dev/nvme0n1 of=/tmp/all bs=1M count=64 iflag=direct conv=notrunc status=none
    head -c 64M /tmp/all | sha256sum
    sed -n "s/^MemTotal: *//p" /proc/meminfo
    read -r go'
  # The rest is mapped in the background, however soon the guest is done.
  await "$run_pid" has_pinned $((2 << 20))
  echo go >&5
  end_run
  expect_status 0
  [[ "$(sed -n 1p <<<"$out")" == "$from_host" && "$(sed -n 2p <<<"$out")" == "$from_host" ]] ||
    fail "the guest reads something else than the host wrote: $out"
  expect_dma 'bus_master_waits <= 1'
  expect_dma 'mapped_bytes_at_ready <= 256 << 20'
  expect_dma 'mapped_bytes == populated_bytes == ram_bytes == 2 << 30'
  expect_dma 'held_bytes < 512 << 20'
  no_dmar_fault
}

# What the guest reads and writes while its balloon gives memory back, which devices reach from then on.
case_nvme_reads_and_writes_while_the_balloon_is_emptied() {
  local bytes=$((256 << 20)) from_host from_guest
  write_from_host "$bytes"
  CASE_SECONDS=900 mayfly_run --memory 2G --balloon 1536M --pages thp --kernel "$PASSTHROUGH/vmlinux" --device "$(passed nvme)" \
    --timeline "$WORK/t.json" -- sh -c '
    dd if=/dev/nvme0n1 bs=1M count=256 iflag=direct status=none | sha256sum
    head -c '"$bytes"' /dev/urandom >/tmp/new
    sha256sum </tmp/new
    dd if=/tmp/new of=/dev/nvme0n1 bs=1M oflag=direct status=none
    rm /tmp/new
    sed -n "s/^ *[0-9]*: *\([0-9]*\) *PCI-MSIX.*nvme0q1$/\1/p" /proc/interrupts
    while [ "$(sed -n "s/^MemFree: *\([0-9]*\).*/\1/p" /proc/meminfo)" -lt 1600000 ]; do sleep 0.2; done' </dev/null
  expect_status 0
  [[ "$(sed -n 1p <<<"$out")" == "$from_host" ]] || fail "the guest reads something else than the host wrote"
  from_guest="$(sed -n 2p <<<"$out")"
  (($(sed -n 3p <<<"$out") > 0)) || fail "no interrupt by MSI-X"
  no_dmar_fault
  expect_dma 'mapped_bytes == populated_bytes == ram_bytes == 2 << 30'
  expect_dma 'mapped_bytes_at_ready < ram_bytes - (1 << 30)'
  expect_dma 'held_bytes == 0'
  expect_dma 'releases_at_once >= 9 * releases_later'
  local balloon
  balloon="$(json "$WORK/t.json" 't["balloon"]')"
  [[ "$(json "$WORK/t.json" '[b["inflate_notifications"] == 1 and b["held_bytes_max"] >= 1 << 30 and b["acks_at_once"] >= 9 * b["acks_later"] for b in [t["balloon"]]]')" == '[True]' ]] ||
    fail "$balloon"
  give_host_disk
  [[ "$(head -c "$bytes" /dev/nvme0n1 | sha256sum)" == "$from_guest" ]] || fail "the host reads something else than the guest wrote"
  bind_all
  no_dmar_fault
}

# start_reads OPTION...: a run that makes 26624 reads of 32 KiB, hundreds at a time, into memory that was never used before.
start_reads() {
  start_run --memory 1G --pages 4k "$@" --device "$(passed nvme)" -- sh -c \
    'echo 32 >/sys/block/nvme0n1/queue/max_sectors_kb && python3 -c "$1" /dev/nvme0n1 832' sh \
    "$(<"$REPO/ci/system/l1/read_into_fresh_memory.py")"
}

# expect_whole_reads OPTION...: start_reads, with a disk of what only this host knows.
expect_whole_reads() {
  local crcs
  give_host_disk
  head -c $((256 << 20)) /dev/urandom >/dev/nvme0n1
  crcs="$(python3 -c 'import sys,zlib
disk = open("/dev/nvme0n1", "rb")
crcs = ["%08x" % zlib.crc32(disk.read(32 << 20)) for _ in range(8)]
print("\n".join(crcs * 4).rsplit("\n", 6)[0])')"
  bind_all
  start_reads "$@"
  end_run
  expect_status 0
  expect_out "$crcs"
  no_dmar_fault
  expect_dma 'mapped_bytes == ram_bytes'
}

case_reads_into_memory_just_given_back_are_whole() { expect_whole_reads --balloon 768M; }

case_reads_into_memory_just_taken_over_are_whole() { expect_whole_reads; }

# limited_mayfly KIB: makes $WORK/limited, a mayfly that may pin that much, and has no right to go over it.
limited_mayfly() {
  printf '#!/bin/sh\nulimit -l %s && exec setpriv --bounding-set -ipc_lock --inh-caps -ipc_lock %s "$@"\n' "$1" "$MAYFLY" >"$WORK/limited"
  chmod +x "$WORK/limited"
}

case_too_little_memlock_names_what_is_needed() {
  bind_all
  limited_mayfly 65536
  MAYFLY="$WORK/limited" mayfly_run --kernel "$PASSTHROUGH/vmlinux" --memory 512M --device "$(passed edu)" -- true </dev/null
  expect_status 125
  expect_err_has 'RLIMIT_MEMLOCK is 65536 KiB'
  expect_err_has 'ulimit -l 524288'
}

# The limit is lowered when the window is mapped and the guest, which waits for its root, not ready.
case_map_that_fails_while_the_guest_runs_stops_it_with_the_cause() {
  bind_all
  limited_mayfly 524288
  MAYFLY="$WORK/limited" start_run --memory 512M --pages 4k --dma-window 256M --device "$(passed edu)" --cmdline-append rootdelay=20 -- sh -c 'read -r go'
  await "$run_pid" has_pinned $((256 << 10))
  prlimit --pid "$run_pid" --memlock=$((256 << 20)) || fail "cannot lower the limit"
  end_run
  expect_status 125
  expect_err_has 'cannot map'
  expect_err_has 'RLIMIT_MEMLOCK'
  [[ "$(json "$WORK/t.json" 't["outcome"]')" == dma-map-failed ]] || fail "the outcome is $(json "$WORK/t.json" 't["outcome"]')"
  mayfly_run --kernel "$PASSTHROUGH/vmlinux" --device "$(passed edu)" -- true </dev/null
  expect_status 0
}

# The guest is short of memory as long as it has lent most of it, and gets it back from where devices cannot reach yet.
case_guest_short_of_memory_takes_back_what_it_has_lent() {
  bind_all
  CASE_SECONDS=900 mayfly_run --memory 1G --balloon 768M --pages 4k --kernel "$PASSTHROUGH/vmlinux" --device "$(passed edu)" \
    --timeline "$WORK/t.json" -- sh -c 'python3 -c "$1" 700 && dmesg' sh "$(<"$REPO/ci/system/l1/fill_memory.py")" </dev/null
  expect_status 0
  [[ "$out" == same$'\n'* ]] || fail "${out%%$'\n'*}"
  ! grep -iE 'out of memory|oom-kill|allocation failure|blocked for' <<<"$out" >&2 || fail "the guest suffered"
  expect_dma 'mapped_bytes_at_ready < ram_bytes'
  no_dmar_fault
}

# expect_given_back PID: a run that was asked for its device ends by itself.
expect_given_back() {
  end_run
  expect_status 125
  expect_err_has "the host takes device $1 back"
  expect_out up
  [[ "$(json "$WORK/t.json" 't["outcome"]')" == device-lost ]] || fail "the outcome is $(json "$WORK/t.json" 't["outcome"]')"
}

# The host takes a device away while the guest runs: unbound from its driver, then removed from the bus.
case_device_that_the_host_takes_away_ends_the_run() {
  local address
  address="$(edu)"
  bind_all
  start_run --device "$(passed edu)" -- sh -c 'echo up; read -r go'
  await "$run_pid" has_line "$WORK/out" up
  echo "$address" >/sys/bus/pci/drivers/vfio-pci/unbind
  expect_given_back "$address"
  bind_all
  start_run --device "$(passed edu)" -- sh -c 'echo up; read -r go'
  await "$run_pid" has_line "$WORK/out" up
  echo 1 >"/sys/bus/pci/devices/$address/remove"
  expect_given_back "$address"
  echo 1 >/sys/bus/pci/rescan
  bind_all
  mayfly_run --kernel "$PASSTHROUGH/vmlinux" --device "$(passed edu)" -- true </dev/null
  expect_status 0
}

# A guest that reboots, its disk in use, ends its run, and the next one has the disk.
case_guest_that_reboots_leaves_its_device() {
  local reboot="open('/dev/nvme0n1','rb').read(1<<20);__import__('ctypes').CDLL(None).reboot(0x01234567)"
  bind_all
  mayfly_run --kernel "$PASSTHROUGH/vmlinux" --device "$(passed nvme)" --timeline "$WORK/t.json" \
    --cmdline-append "$(python_as_init "$reboot")" -- true </dev/null
  [[ "$(json "$WORK/t.json" 't["outcome"]')" == reboot ]] || fail "the outcome is $(json "$WORK/t.json" 't["outcome"]'): $err"
  mayfly_run --kernel "$PASSTHROUGH/vmlinux" --device "$(passed nvme)" -- \
    dd if=/dev/nvme0n1 of=/dev/null bs=1M count=8 iflag=direct status=none </dev/null
  expect_status 0
  no_dmar_fault
}

# kexec_with OPTION...: a guest reads its disk, starts its next kernel by kexec from there, and that reads the same.
kexec_with() {
  local next="exec(open('/dev/nvme0n1','rb').read(1<<16).rstrip(b'\\0'))" from_host
  give_host_disk
  dd if="$REPO/ci/system/l1/kexec_next.py" of=/dev/nvme0n1 bs=64k conv=notrunc,sync status=none
  dd if="$PASSTHROUGH/vmlinux" of=/dev/nvme0n1 bs=64k seek=1 conv=notrunc status=none
  from_host="$(head -c $((32 << 20)) /dev/urandom | tee >(dd of=/dev/nvme0n1 bs=1M seek=32 iflag=fullblock conv=notrunc,fsync status=none) | sha256sum)"
  bind_all
  mayfly_run --kernel "$PASSTHROUGH/vmlinux" --device "$(passed nvme)" --timeline "$WORK/t.json" --console "$WORK/console" "$@" \
    --cmdline-append "$(python_as_init "$next")" -- true </dev/null
  [[ "$(json "$WORK/t.json" 't["outcome"]')" == poweroff ]] || fail "the outcome is $(json "$WORK/t.json" 't["outcome"]'): $err; $(tail -n 3 "$WORK/console")"
  [[ "$(tr -d '\r' <"$WORK/console" | grep -E '^(first|second) ')" == "first ${from_host%% *}"$'\n'"second ${from_host%% *}" ]] ||
    fail "not ${from_host%% *}: $(<"$WORK/console")"
  no_dmar_fault
}

# Most of memory is nothing that the disk reaches, until the next kernel comes.
case_guest_that_starts_its_next_kernel_keeps_its_disk() { kexec_with --memory 1G --dma-window 128M; }
case_guest_with_a_balloon_that_starts_its_next_kernel_keeps_its_disk() { kexec_with --memory 1G --dma-window 128M --balloon 768M; }

# Killed at any moment a run leaves nothing: no pinned page, no huge page taken, no device that is in use.
case_run_killed_at_any_moment_leaves_nothing() {
  local turn pid
  bind_all
  echo 256 >/proc/sys/vm/nr_hugepages
  for ((turn = 0; turn < ${KILLS:-20}; turn++)); do
    "$MAYFLY" run --image "$IMAGE" --kernel "$PASSTHROUGH/vmlinux" --memory 512M --balloon 256M --pages 2m --device "$(passed nvme)" -- \
      sh -c 'while :; do dd if=/dev/nvme0n1 of=/dev/null bs=64k count=64 iflag=direct status=none; done' >"$WORK/out" 2>"$WORK/err" </dev/null &
    pid=$!
    sleep "$((RANDOM % 5)).$((RANDOM % 10))$((RANDOM % 10))"
    kill -KILL "$pid" || fail "turn $turn: ended before it was killed: $(<"$WORK/err")"
    wait "$pid"
    cat /proc/sys/vm/stat_refresh
    [[ "$(sed -n 's/^nr_foll_pin_[a-z]* //p' /proc/vmstat | sort -u | wc -l)" == 1 ]] || fail "turn $turn: $(sed -n '/^nr_foll_pin/p' /proc/vmstat | tr '\n' ' ')"
    [[ "$(sed -n 's/^HugePages_Free: *//p' /proc/meminfo)" == 256 ]] || fail "turn $turn: $(grep ^HugePages /proc/meminfo)"
  done
  mayfly_run --kernel "$PASSTHROUGH/vmlinux" --memory 512M --pages 2m --device "$(passed nvme)" -- \
    dd if=/dev/nvme0n1 of=/dev/null bs=1M count=8 iflag=direct status=none </dev/null
  echo 0 >/proc/sys/vm/nr_hugepages
  expect_status 0
  no_dmar_fault
}
