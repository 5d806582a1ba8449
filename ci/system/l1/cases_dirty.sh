# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: Apache-2.0
#
# Dirty logging where guests run in hardware and KVM maps huge pages.

case_pages_that_a_guest_writes_are_all_told_of() {
  echo 40 >/proc/sys/vm/nr_hugepages
  timeout 600 "$REPO/build/test/mayfly_dirty_test" >"$WORK/out" 2>&1 ||
    { tail -n 30 "$WORK/out" >&2 && fail "mayfly_dirty_test failed"; }
  echo 0 >/proc/sys/vm/nr_hugepages
  [[ "$(<"$WORK/out")" != *SKIPPED* ]] || fail "skipped: $(tail -n 3 "$WORK/out")"
}
