# shellcheck shell=bash disable=SC2154,SC2034
# SPDX-License-Identifier: Apache-2.0
#
# Devices passed through by iommufd and VFIO's character devices, on a host whose kernel has them and, instead of type1,
# iommufd's compatibility layer: cases of the group `passthrough`, and which interface is taken.

for part in devices map errors broker isolation; do
  # shellcheck source=/dev/null
  source "$REPO/ci/system/l1/passthrough_$part.sh"
done

BACKEND=iommufd
PEERS="" # which iommufd has not
KILLS="${KILLS:-3}"

# What of the others differs by interface in the kernel; all of them can be named.
differing=(case_nvme_reads_and_writes_the_same_on_both_sides case_two_devices_at_once
  case_too_little_memlock_names_what_is_needed
  case_map_that_fails_while_the_guest_runs_stops_it_with_the_cause case_isolation_of_the_threads_of_the_dma_map case_device_in_use_by_another_run
  case_broker_takes_a_disk_back_from_a_killed_tenant case_broker_keeps_memory_that_is_mapped_before_the_guest_is
  case_run_killed_at_any_moment_leaves_nothing)
for each in $(compgen -A function case_); do
  [[ $# -gt 0 || " ${differing[*]} " == *" $each "* ]] || unset -f "$each"
done

# This host's kernel traces no function.
count_resets() { :; }
expect_resets() { :; }
stop_counting_resets() { :; }
expect_no_pins() { :; }

# character_device ADDRESS
character_device() { echo "/dev/vfio/devices/$(basename "/sys/bus/pci/devices/$1/vfio-dev/"*)"; }

# The container that iommufd serves is known for what it is, and never taken.
case_auto_takes_iommufd_where_that_serves_the_container_too() {
  local files
  bind_all
  [[ -c /dev/vfio/vfio ]] || fail "this host's kernel has no /dev/vfio/vfio"
  start_run --device "vfio=$(edu)" -- sh -c 'echo up; read -r go'
  await "$run_pid" has_line "$WORK/out" up
  # Paths are within mounts that it no longer has.
  files="$(readlink "/proc/$run_pid/fd/"* | grep -xE '(/dev)?/(iommu|vfio/vfio)')"
  # Nobody else gets the device meanwhile, by whichever way.
  refused_device "vfio=$(edu),iommu=iommufd" "device $(edu) is in use by another process"
  echo go >&5
  end_run
  expect_status 0
  [[ "${files#/dev}" == /iommu ]] || fail "'$files' is open, not /dev/iommu"
  refused_device "vfio=$(edu),iommu=type1" "iommufd's compatibility layer" 'iommu=iommufd'
  exec 7<>/dev/vfio/vfio 8<>"/dev/vfio/$(group_of "$(edu)")"
  refused_device "vfio=$(edu),container=7,group=8" "descriptor 7 (container=) is iommufd's compatibility layer"
  exec 7>&- 8>&-
}

case_iommufd_lets_no_device_reach_another() {
  bind_all
  refused_device "vfio=$(edu),iommu=iommufd,peers=yes" "the BARs of device $(edu) by iommufd" 'iommu=type1'
}

case_descriptors_of_the_caller_are_used_by_iommufd() {
  bind_all
  exec 7<>/dev/iommu 8<>"$(character_device "$(nvme)")"
  mayfly_run --kernel "$PASSTHROUGH/vmlinux" --device "vfio=$(nvme),iommufd=7,device=8" -- test -b /dev/nvme0n1 </dev/null
  expect_status 0
  exec 8>&- 8<>"$(character_device "$(nvme)")"
  refused_device "vfio=$(edu),iommufd=7,device=8" "descriptor 8 (device=) is not VFIO's character device of $(edu)"
  refused_device "vfio=$(nvme),iommufd=8,device=8" 'descriptor 8 (iommufd=) is not /dev/iommu'
  exec 7>&- 8>&-
}
