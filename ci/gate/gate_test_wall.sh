# shellcheck shell=bash disable=SC2154  # gate, fake and work are set by gate_test and run_tests
# SPDX-License-Identifier: Apache-2.0
#
# Verdicts on the wall clock. Source it.

test_five_percent_more_in_the_kernel_is_found_under_noise() {
  describe image noise_percent=1
  describe kernel.base guest_kernel_us=30000
  describe kernel guest_kernel_us=31880 # 5 % of 37.6 ms
  gives 0 by_turns --boots 40
  gives 1 "$gate" compare "$work/base" "$work/now" --allowed 2
  says "the phase that grew most is guest_kernel" "likely cause: the kernel is another one"
}

test_one_more_initcall_is_found_and_the_kernel_named() {
  describe image noise_percent=0.02
  describe kernel.base guest_kernel_us=30000
  describe kernel guest_kernel_us=30150 "# one more initcall"
  gives 0 by_turns --boots 20
  gives 1 "$gate" compare "$work/base" "$work/now" --allowed 0.2
  says "guest_kernel" "likely cause: the kernel is another one, 20 bytes larger"
}

# The same files and options: the host has no huge page left.
test_a_lost_huge_page_is_found_and_named() {
  describe image noise_percent=1
  describe kernel
  describe host pages=2m
  export FAKE_HOST="$work/host"
  gives 0 measure_fake base --boots 30
  describe host pages=4k guest_kernel_us=36000
  gives 0 measure_fake now --boots 30
  gives 1 "$gate" compare "$work/base" "$work/now"
  says "likely cause: guest memory is made of 4k pages, not of 2m as before"
}

# Two programs keep both processors busy; each boot works for real. No verdict may be a fail, in 20 of 20.
test_unchanged_boots_never_fail_on_a_loaded_machine() {
  local -a load=()
  local i status
  for i in 1 2; do
    while :; do :; done &
    load+=($!)
  done
  # shellcheck disable=SC2064  # the processes as they are now
  trap "kill ${load[*]}" EXIT
  describe image spin_us=3000
  describe kernel.base guest_kernel_us=0
  describe kernel guest_kernel_us=0 "another file, the same work"
  for i in {1..20}; do
    by_turns --boots 20 2>/dev/null || fail "measuring failed"
    status=0
    "$gate" compare "$work/base" "$work/now" >"$work/out" || status=$?
    [[ $status == 0 || $status == 2 ]] || fail "round $i of the unchanged gave $status: $(<"$work/out")"
  done
}

test_few_boots_are_not_enough_evidence_for_a_p99() {
  describe image noise_percent=1
  describe kernel
  echo '{"version": 1, "spans": {"exec_to_ready": {"wall": {"p50_ms": 60, "p99_ms": 90}}}}' >"$work/budget"
  gives 0 measure_fake now --boots 20
  gives 2 "$gate" check --budget "$work/budget" "$work/now"
  says "ok    exec_to_ready p50" "not enough evidence, about 299 boots would decide"
  gives 0 measure_fake now --boots 320
  gives 0 "$gate" check --budget "$work/budget" "$work/now"
}

test_history_is_what_the_next_check_is_held_against() {
  describe image noise_percent=0.1
  describe kernel
  echo '{"version": 1, "spans": {"exec_to_ready": {"wall": {"p50_ms": 60, "change_percent": 2}}}}' >"$work/budget"
  gives 0 measure_fake now --label first --append-history "$work/history"
  gives 0 measure_fake now --label second --append-history "$work/history"
  [[ $(wc -l <"$work/history") == 2 ]] || fail "the history has not a line for each"
  gives 0 "$gate" check --budget "$work/budget" --history "$work/history" "$work/now"
  describe kernel guest_kernel_us=32000
  gives 0 measure_fake now
  gives 1 "$gate" check --budget "$work/budget" --history "$work/history" "$work/now"
  says "ok    exec_to_ready p50" "FAIL  exec_to_ready change: +5" "likely cause: the kernel is another one"
}
