# shellcheck shell=bash disable=SC2154,SC2016,SC2034
# SPDX-License-Identifier: Apache-2.0
#
# Devices of this host passed through: NVMe with its driver in the guest, `edu` with a program of our own.

# The kernel with drivers for both, and an image whose init drives edu; system_test makes them.
PASSTHROUGH="$REPO/build/passthrough"

# address_of FILE VALUE: the one device whose FILE in /sys begins with VALUE.
address_of() { basename "$(dirname "$(grep -l "^$2" /sys/bus/pci/devices/*/"$1")")"; }
nvme() { address_of class 0x010802; }
edu() { address_of vendor 0x1234; }

# The interface by which cases use devices.
BACKEND=auto

# passed nvme|edu: what --device takes.
passed() { printf 'vfio=%s,iommu=%s' "$("$1")" "$BACKEND"; }

driver_of() { basename "$(readlink "/sys/bus/pci/devices/$1/driver")" 2>/dev/null; }

# Gives both devices to vfio-pci.
bind_all() { "$MAYFLY" device bind "$(nvme)" "$(edu)" >/dev/null || fail "cannot bind"; }

# load_module NAME: a driver of this host's kernel, from where the lab keeps that.
load_module() {
  local kernel="${XDG_CACHE_HOME:-$HOME/.cache}/mayfly/lab/kernel"
  [[ -d "/sys/module/$1" ]] || modprobe -d "$kernel" "$1" || fail "no driver $1 in this host's kernel"
}

# give_back ADDRESS: to the driver of this host, whoever has it.
give_back() { "$MAYFLY" device unbind "$1" >/dev/null 2>&1 || printf "%s" "$1" >/sys/bus/pci/drivers_probe; }

group_of() { basename "$(readlink "/sys/bus/pci/devices/$1/iommu_group")"; }

# Here and elsewhere, a reader that leaves early is no part of a pipe: the writer's death by SIGPIPE would be the pipe's status.
no_dmar_fault() { ! grep -q 'DMAR:.*fault' <(dmesg) || fail "a fault of the IOMMU: $(grep -m 1 'DMAR:.*fault' <(dmesg))"; }

# The host's own driver has the disk, /dev/nvme0n1.
give_host_disk() {
  load_module nvme
  give_back "$(nvme)"
  await $$ there /dev/nvme0n1
}

# write_from_host BYTES: the host's driver writes so much at random to the disk, of digest $from_host, before the guest gets it.
write_from_host() {
  give_host_disk
  from_host="$(head -c "$1" /dev/urandom | tee /dev/nvme0n1 | sha256sum)"
  sync
  bind_all
}

# The guest reads what the host wrote, and the host what the guest wrote, by drivers of their own.
case_nvme_reads_and_writes_the_same_on_both_sides() {
  local bytes=$((32 << 20)) from_host from_guest
  write_from_host "$bytes"
  mayfly_run --kernel "$PASSTHROUGH/vmlinux" --device "$(passed nvme)" --timeline "$WORK/t.json" -- sh -c '
    head -c '"$bytes"' /dev/nvme0n1 | sha256sum
    head -c '"$bytes"' /dev/urandom >/tmp/new
    sha256sum </tmp/new
    dd if=/tmp/new of=/dev/nvme0n1 bs=1M oflag=direct status=none
    sed -n "s/^ *[0-9]*: *\([0-9]*\) *PCI-MSIX.*nvme0q1$/\1/p" /proc/interrupts' </dev/null
  expect_status 0
  [[ "$(sed -n 1p <<<"$out")" == "$from_host" ]] || fail "the guest reads something else than the host wrote"
  from_guest="$(sed -n 2p <<<"$out")"
  (($(sed -n 3p <<<"$out") > 0)) || fail "no interrupt by MSI-X"
  [[ "$(json "$WORK/t.json" '" ".join(p["name"] for p in t["phases"] if p["track"] in ("opener", "populater", "dma_mapper"))')" == "open_devices dma_populate dma_map" ]] ||
    fail "the timeline lacks the devices"
  "$MAYFLY" device unbind "$(nvme)" >/dev/null || fail "cannot give the disk back"
  await $$ there /dev/nvme0n1
  [[ "$(head -c "$bytes" /dev/nvme0n1 | sha256sum)" == "$from_guest" ]] || fail "the host reads something else than the guest wrote"
  bind_all
  no_dmar_fault
}

# run_edu ADDRESS-IN-GUEST IRQ OPTION...: the guest's init drives the device and powers off. EDU_WORDS holds more for it,
# EDU_INIT is another one.
run_edu() {
  IMAGE="$PASSTHROUGH/edu.img" mayfly_run --kernel "$PASSTHROUGH/vmlinux" --console "$WORK/console" "${@:3}" --cmdline-append \
    "init=/sbin/${EDU_INIT:-edu} ${EDU_WORDS:-} edu=$1 irq=$2 count=50 vfio-pci.ids=1234:11e8 vfio.enable_unsafe_noiommu_mode=1" </dev/null
  [[ -n "${EDU_INIT:-}" ]] || grep -q '^edu: 10! is 3628800' "$WORK/console" || fail "no factorial: $(tail -n 3 "$WORK/console")"
  grep -q '^edu: good' "$WORK/console" || fail "$(grep '^edu: ' "$WORK/console" | tail -n 1)"
}

case_edu_calculates_and_interrupts_by_msi() {
  bind_all
  run_edu 0000:00:04.0 msi --device "$(passed edu)"
}

case_edu_interrupts_by_a_level_on_a_pin() {
  bind_all
  run_edu 0000:00:04.0 intx --device "$(passed edu)"
}

case_two_devices_at_once() {
  bind_all
  EDU_WORDS=disk=/dev/nvme0n1 run_edu 0000:00:05.0 intx --device "$(passed nvme)" --device "$(passed edu)${PEERS-,peers=yes}" --memory 4G
  grep -q '^edu: the disk was read' "$WORK/console" || fail "the guest has no disk: $(tail -n 3 "$WORK/console")"
  no_dmar_fault
}

case_device_is_free_after_a_killed_run() {
  bind_all
  "$MAYFLY" run --image "$IMAGE" --kernel "$PASSTHROUGH/vmlinux" --device "$(passed nvme)" -- sh -c 'echo up; sleep 1000' \
    >"$WORK/out" 2>"$WORK/err" </dev/null &
  local pid=$!
  await "$pid" has_line "$WORK/out" up
  kill -KILL "$pid"
  wait "$pid"
  mayfly_run --kernel "$PASSTHROUGH/vmlinux" --device "$(passed nvme)" -- test -b /dev/nvme0n1 </dev/null
  expect_status 0
}
