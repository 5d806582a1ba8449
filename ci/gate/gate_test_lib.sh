# shellcheck shell=bash disable=SC2154  # gate, fake and work are set by gate_test and run_tests
# SPDX-License-Identifier: Apache-2.0
#
# What the tests of the gate share. Source it.

# gives STATUS COMMAND...: fails unless COMMAND ends with STATUS. Its output is in $work/out.
gives() {
  local wanted="$1" status=0
  shift
  "$@" >"$work/out" 2>&1 || status=$?
  [[ $status == "$wanted" ]] || fail "'$*' ended with $status, not $wanted: $(grep -E '^(FAIL|\?)' "$work/out" || tail -n 5 "$work/out")"
}

# says TEXT...: fails unless the output of the last command has each text.
says() {
  local text
  for text in "$@"; do
    grep -qF -- "$text" "$work/out" || fail "nothing says '$text' in: $(tail -n 8 "$work/out")"
  done
}

# describe NAME LINE...: writes what a boot of the fake mayfly tells, as $work/NAME.
describe() {
  local name="$1"
  shift
  printf '%s\n' "$@" >"$work/$name"
}

# measure_fake OUTPUT OPTION...: measures the fake mayfly, the image and kernel $work/image and $work/kernel unless
# options say otherwise.
measure_fake() {
  local output="$1"
  shift
  "$gate" measure --mayfly "$fake" --image "$work/image" --kernel "$work/kernel" --output "$work/$output" "$@"
}

# by_turns OPTION...: measures the fake mayfly against the kernel $work/kernel.base, into now and base.
by_turns() { measure_fake now --against-kernel "$work/kernel.base" --against-output "$work/base" "$@"; }
