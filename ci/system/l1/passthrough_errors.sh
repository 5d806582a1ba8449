# shellcheck shell=bash disable=SC2154,SC2034
# SPDX-License-Identifier: Apache-2.0
#
# Devices that cannot be passed through: one sentence that names the device and the mend.

# refused_device TEXT WORDS...: `--device TEXT` is refused with each of WORDS in the sentence.
refused_device() {
  local word
  mayfly_run --kernel "$PASSTHROUGH/vmlinux" --device "$1" -- true </dev/null
  expect_status 125
  [[ "$err" == mayfly:* && "$err" != *$'\n'* ]] || fail "not one line from mayfly: $err"
  for word in "${@:2}"; do
    expect_err_has "$word"
  done
}

case_device_absent() { refused_device vfio=0000:7f:1f.7 'no PCI device 0000:7f:1f.7' 'device list'; }
case_device_address_malformed() { refused_device vfio=1:2 "'vfio=1:2'" 'not a PCI address'; }
case_device_is_a_bridge() { refused_device vfio=0000:00:00.0 'is a bridge'; }

case_device_not_bound() {
  "$MAYFLY" device unbind "$(edu)" >/dev/null 2>&1
  refused_device "vfio=$(edu)" 'no driver' "device bind $(edu)"
}

case_device_twice() {
  bind_all
  mayfly_run --device "vfio=$(edu)" --device "vfio=$(edu)" -- true </dev/null
  expect_status 125
  expect_err_has 'named twice'
}

case_iommufd_on_a_kernel_without_it() {
  bind_all
  [[ ! -e /dev/iommu ]] || return 0
  refused_device "vfio=$(edu),iommu=iommufd" 'no iommufd' 'iommu=type1'
}

# SATA and SMBus are functions of one chip and share a group; the first has its driver, and keeps it.
case_group_not_viable_names_the_others() {
  local sata smbus
  sata="$(address_of class 0x010601)"
  smbus="$(address_of class 0x0c0500)"
  load_module ahci
  status=0
  err="$("$MAYFLY" device bind "$smbus" 2>&1)" || status=$?
  expect_status 125
  expect_err_has "$sata (ahci)"
  [[ "$(driver_of "$smbus")" != vfio-pci ]] || fail "it was bound all the same"
  echo vfio-pci >"/sys/bus/pci/devices/$smbus/driver_override"
  echo "$smbus" >/sys/bus/pci/drivers_probe
  refused_device "vfio=$smbus" 'is not viable' "$sata (ahci)"
  "$MAYFLY" device unbind "$smbus" >/dev/null
}

case_device_in_use_by_another_run() {
  bind_all
  exec 9<>"/dev/vfio/$(group_of "$(edu)")"
  refused_device "vfio=$(edu)" 'in use by another process'
  status=0
  err="$("$MAYFLY" device unbind "$(edu)" 2>&1)" || status=$?
  exec 9>&-
  expect_status 125
  expect_err_has 'in use by another process'
}

case_list_shows_drivers_and_groups() {
  bind_all
  grep -qE "^$(nvme) +1b36:0010 +010802 +vfio-pci +[0-9]+ +(-|[0-9]+) +.*flr" <("$MAYFLY" device list) || fail "$("$MAYFLY" device list)"
}

case_mounted_disk_is_not_bound() {
  give_host_disk
  load_module ext4
  mkfs.ext4 -q -F /dev/nvme0n1
  mkdir -p "$WORK/disk"
  mount /dev/nvme0n1 "$WORK/disk"
  status=0
  err="$("$MAYFLY" device bind "$(nvme)" 2>&1)" || status=$?
  umount "$WORK/disk"
  expect_status 125
  expect_err_has "nvme0n1 is mounted on $WORK/disk"
  [[ "$(driver_of "$(nvme)")" == nvme ]] || fail "the driver is $(driver_of "$(nvme)")"
  bind_all
}
