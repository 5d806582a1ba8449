# shellcheck shell=bash disable=SC2154,SC2016
# SPDX-License-Identifier: Apache-2.0
#
# The kernel profile `gpu`: modules of its own and of a vendor, loaded before the command, for devices that are passed through.

# shellcheck source=ci/system/l1/passthrough_devices.sh
source "$REPO/ci/system/l1/passthrough_devices.sh"
mapfile -t others < <(compgen -A function case_)
unset -f "${others[@]}"

readonly GPU="$REPO/build/gpu"

# of_gpu OPTION...: a run of its kernel and image.
of_gpu() { IMAGE="$GPU/gpu.img" mayfly_run --kernel "$GPU/vmlinux" "$@" </dev/null; }

# What a vendor's driver does at its start: firmware, DMA both ways, an interrupt. The balloon is there first, and holds memory that
# the device cannot reach.
case_vendors_driver_is_loaded_after_the_balloon() {
  bind_all
  of_gpu --memory 1G --balloon 512M --device "$(passed edu)" --module edu -- sh -c 'dmesg; cat /proc/modules'
  expect_status 0
  local balloon driver
  balloon="$(grep -n -m 1 'virtio_balloon_early: 512 MiB lent' <<<"$out" | cut -d : -f 1)"
  driver="$(grep -n -m 1 'edu .*: 3000 bytes of firmware went through the device and came back' <<<"$out" | cut -d : -f 1)"
  [[ -n "$driver" ]] || fail "the driver did not do its work: $(grep edu <<<"$out" | tail -n 3)"
  [[ -n "$balloon" && "$balloon" -lt "$driver" ]] || fail "the balloon is in line '$balloon' of the log, the driver in $driver"
  no_dmar_fault
}

# A module of the profile with those that it needs, and its device's data.
case_disk_is_read_by_a_module() {
  local bytes=$((8 << 20)) from_host
  write_from_host "$bytes"
  of_gpu --device "$(passed nvme)" --module "nvme io_queue_depth=64" -- sh -c '
    while ! test -b /dev/nvme0n1; do sleep 0.1; done
    head -c '"$bytes"' /dev/nvme0n1 | sha256sum; cat /sys/module/nvme/parameters/io_queue_depth'
  expect_status 0
  [[ "$(head -n 1 <<<"$out")" == "$from_host" ]] || fail "the guest reads something else than the host wrote"
  [[ "$(tail -n 1 <<<"$out")" == 64 ]] || fail "the parameter is '$(tail -n 1 <<<"$out")'"
}

case_driver_in_two_devices_and_modules_at_once() {
  bind_all
  of_gpu --memory 2G --device "$(passed nvme)" --device "$(passed edu)" --module nvme --module edu -- sh -c '
    while ! test -b /dev/nvme0n1; do sleep 0.1; done; head -c 1048576 /dev/nvme0n1 >/dev/null; dmesg | grep -c "came back"'
  expect_status 0
  expect_out 1
  no_dmar_fault
}

# module.sig_enforce: none but what the key of the build has signed.
case_only_signed_modules_where_that_is_wanted() {
  bind_all
  of_gpu --device "$(passed edu)" --module edu-signed --cmdline-append module.sig_enforce=1 -- sh -c 'dmesg | grep -c "came back"'
  expect_status 0
  expect_out 1
  of_gpu --device "$(passed edu)" --module edu --cmdline-append module.sig_enforce=1 -- true
  expect_status 125
  expect_err_has 'loading the kernel module updates/edu.ko'
  expect_err_has 'Key was rejected by service'
}

case_module_that_cannot_be_loaded_is_named() {
  of_gpu --module no_such -- true
  expect_status 125
  expect_err_has 'finding the kernel module no_such in the modules.dep of /lib/modules/'
  of_gpu --module edu-other -- true
  expect_status 125
  expect_err_has 'loading the kernel module updates/edu-other.ko'
  of_gpu --module "nvme no_such_parameter=abc io_queue_depth=none" -- true
  expect_status 125
  expect_err_has 'loading the kernel module kernel/drivers/nvme/host/nvme.ko'
}

# Neither a kernel without modules nor an image without them crashes on it.
case_module_where_there_are_none_is_an_error() {
  mayfly_run --module nvme -- true </dev/null
  expect_status 125
  expect_err_has "opening the image's modules.dep in /lib/modules/"
  IMAGE="$GPU/gpu.img" mayfly_run --module nvme -- true </dev/null
  expect_status 125
  expect_err_has 'loading the kernel module kernel/drivers/nvme/'
}

# What commands of the guest may not: their capabilities are those of a container.
case_commands_load_no_module() {
  of_gpu -- sh -c 'busybox insmod /lib/modules/*/updates/edu.ko'
  [[ "$status" != 0 ]] || fail "a command has loaded a module"
  expect_err_has 'Operation not permitted'
}
