# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: Apache-2.0
#
# That the tests of passed-through devices would see a fault of the IOMMU. On a host of its own: QEMU's disk never ends a
# command that meets such a fault, and QEMU does not survive the disk's reset then.

# shellcheck source=ci/system/l1/passthrough_devices.sh
source "$REPO/ci/system/l1/passthrough_devices.sh"
# shellcheck source=ci/system/l1/passthrough_map.sh
source "$REPO/ci/system/l1/passthrough_map.sh"
mapfile -t others < <(compgen -A function case_)
unset -f "${others[@]}"

# The guest is told to use memory again before devices reach it. The run stays, until the host goes.
case_reads_into_memory_given_back_too_early_fault() {
  bind_all
  MAYFLY="$REPO/build/test/mayfly_too_early" start_reads --balloon 768M
  while [[ -e "/proc/$run_pid/exe" ]] && (no_dmar_fault); do
    sleep 0.5
  done
  dmesg | grep -q 'DMAR:.*fault' || fail "no fault of the IOMMU; the run said: $(<"$WORK/err")"
  : >"$reason_file"
}
