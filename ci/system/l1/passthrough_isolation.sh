# shellcheck shell=bash disable=SC2154,SC2034
# SPDX-License-Identifier: Apache-2.0
#
# That the threads which map guest memory for devices have given up what the others have.

# shellcheck source=ci/system/l1/confined.sh
source "$REPO/ci/system/l1/confined.sh"

# has_confined_vcpu PID
has_confined_vcpu() { [[ "$(readlink "/proc/$1/fd/"* | grep -c kvm-vcpu:)" == 1 && "$(field "/proc/$1/status" Seccomp)" == 2 ]]; }

# The guest waits for its root, and the map's threads for the guest.
case_isolation_of_the_threads_of_the_dma_map() {
  bind_all
  start_run --memory 1G --pages 4k --dma-window 128M --device "$(passed edu)" --cmdline-append rootdelay=20 -- sh -c 'read -r go'
  await "$run_pid" has_pinned $((128 << 10))
  vm="$run_pid"
  await "$vm" has_confined_vcpu "$vm"
  expect_confined mnt ipc uts
  expect_ordinary_priority
  # main, the vCPU, one that populates, one that maps
  ((seen >= 4)) || fail "only $seen threads"
  [[ -z "$(ls -A "/proc/$vm/root/")" ]] || fail "its root has files"
  echo go >&5
  end_run
  expect_status 0
}
