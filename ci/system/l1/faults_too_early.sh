# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: Apache-2.0
#
# That the tests of passed-through devices would see a fault of the IOMMU. On a host of its own, with a disk for each case:
# QEMU's never ends a command that meets such a fault, and QEMU does not survive the disk's reset then.

# shellcheck source=ci/system/l1/passthrough_devices.sh
source "$REPO/ci/system/l1/passthrough_devices.sh"
# shellcheck source=ci/system/l1/passthrough_map.sh
source "$REPO/ci/system/l1/passthrough_map.sh"
mapfile -t others < <(compgen -A function case_)
unset -f "${others[@]}"

# The disk of this case.
nvme() { grep -l '^0x010802' /sys/bus/pci/devices/*/class | sed -n "${DISK}s|.*/\([^/]*\)/class|\1|p"; }

# expect_fault OPTION...: the guest is told to use memory before devices reach it. The run stays, until the host goes.
expect_fault() {
  local fault
  "$MAYFLY" device bind "$(nvme)" >/dev/null || fail "cannot bind"
  fault="DMAR:.*\[$(nvme | cut -d : -f 2-)\] fault"
  MAYFLY="$REPO/build/test/mayfly_too_early" start_reads "$@"
  while [[ -e "/proc/$run_pid/exe" ]] && ! grep -q "$fault" <(dmesg); do
    sleep 0.5
  done
  grep -q "$fault" <(dmesg) || fail "no fault of the IOMMU; the run said: $(<"$WORK/err")"
  : >"$reason_file"
}

case_reads_into_memory_given_back_too_early_fault() { DISK=1 expect_fault --balloon 768M; }

case_reads_into_memory_taken_over_too_early_fault() { DISK=2 expect_fault; }
