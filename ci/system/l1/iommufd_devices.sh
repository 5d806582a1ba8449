# shellcheck shell=bash disable=SC2154,SC2034
# SPDX-License-Identifier: Apache-2.0
#
# Devices passed through by iommufd and VFIO's character devices, on a host whose kernel has them: cases of the group
# `passthrough`, and which interface is taken.

for part in devices map errors broker; do
  # shellcheck source=/dev/null
  source "$REPO/ci/system/l1/passthrough_$part.sh"
done

BACKEND=iommufd
PEERS="" # which iommufd has not

# Of the others what goes through iommufd.
of_iommufd=(case_nvme_reads_and_writes_while_the_balloon_is_emptied case_two_devices_at_once
  case_bus_mastering_waits_until_all_memory_is_mapped case_too_little_memlock_names_what_is_needed
  case_map_that_fails_while_the_guest_runs_stops_it_with_the_cause case_broker_resets_a_disk_once_for_each_of_two_tenants
  case_broker_takes_a_disk_back_from_a_killed_tenant case_run_killed_at_any_moment_leaves_nothing)
KILLS="${KILLS:-5}"
for each in $(compgen -A function case_); do
  [[ " ${of_iommufd[*]} " == *" $each "* ]] || unset -f "$each"
done

# expect_interface FILE OPTIONS: a guest with edu has FILE open, and none of the other interface.
expect_interface() {
  local files
  start_run --device "vfio=$(edu)$2" -- sh -c 'echo up; read -r go'
  wait_for_up
  files="$(readlink "/proc/$run_pid/fd/"* | grep -xE '/dev/iommu|/dev/vfio/vfio')"
  echo go >&5
  end_run
  expect_status 0
  [[ "$files" == "$1" ]] || fail "'$2' opens '$files', not '$1'"
}

case_iommufd_lets_no_device_reach_another() {
  bind_all
  refused_device "vfio=$(edu),iommu=iommufd,peers=yes" "the BARs of device $(edu) by iommufd" 'iommu=type1'
}

# type1 where the kernel has it, else iommufd; never the container that iommufd serves in its place.
case_auto_takes_type1_where_the_kernel_has_it_else_iommufd() {
  bind_all
  expect_interface /dev/vfio/vfio ''
  expect_interface /dev/vfio/vfio ,iommu=auto
  expect_interface /dev/iommu ,iommu=iommufd
  mv /dev/vfio/vfio "$WORK/container"
  expect_interface /dev/iommu ,iommu=auto
  ln -s /dev/iommu /dev/vfio/vfio
  expect_interface /dev/iommu ,iommu=auto
  refused_device "vfio=$(edu),iommu=type1" "iommufd's compatibility layer" 'iommu=iommufd'
  rm /dev/vfio/vfio
  mv "$WORK/container" /dev/vfio/vfio
}
