# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: Apache-2.0
#
# That launches and calls leave nothing behind: few of them here, as many as LAUNCHES, AT_ONCE and EXECS say in ci/soak.

# count_leaks SCRIPT WORD...: what it finds is why the case fails.
count_leaks() {
  local found status=0
  found="$(PYTHONDONTWRITEBYTECODE=1 unshare --mount python3 "$REPO/ci/system/l1/$1" "$MAYFLY" "$IMAGE" "${@:2}" </dev/null)" || status=$?
  [[ $status == 0 && -z "$found" ]] || fail "${found:-$1 ended with $status}"
}

case_launches_in_a_row_and_at_once_leave_nothing() { count_leaks launches.py "${LAUNCHES:-20}" "${AT_ONCE:-8}" "${SEED:-1}"; }

case_execs_in_one_vm_leave_nothing() { count_leaks execs.py "${EXECS:-100}" "${SEED:-1}"; }

# What the two above look at, planted one by one.
case_leaks_of_each_kind_are_named() { count_leaks leaks_test.py; }
