# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs the functions test_* of a script as checks. Source it, define them, call `run_tests`. A test fails when it calls
# `fail WHY` or returns non-zero, is skipped when it calls `skip WHY`, and has $work, a scratch folder of its own.

_passed=0
_failed=0

fail() {
  printf '%s\n' "$*" >"$why_file"
  exit 1
}

skip() {
  printf '%s\n' "$*" >"$why_file"
  exit 77
}

run_tests() {
  local scratch test status why_file work
  scratch="$(mktemp -d)"
  # shellcheck disable=SC2064  # the path as it is now
  trap "rm -rf '$scratch'" EXIT
  why_file="$scratch/why"
  local -a tests
  mapfile -t tests < <(compgen -A function test_)
  for test in "${tests[@]}"; do
    : >"$why_file"
    work="$scratch/${test#test_}"
    mkdir "$work"
    status=0
    ("$test") >"$scratch/log" 2>&1 || status=$?
    case "$status" in
      0) echo "ok ${test#test_}" && _passed=$((_passed + 1)) ;;
      77) echo "skip ${test#test_}: $(<"$why_file")" ;;
      *)
        tail -n 15 "$scratch/log"
        echo "FAIL ${test#test_}: $(<"$why_file")"
        _failed=$((_failed + 1))
        ;;
    esac
    rm -rf "$work"
  done
  echo "$_passed passed, $_failed failed"
  ((_failed == 0 && _passed > 0))
}
