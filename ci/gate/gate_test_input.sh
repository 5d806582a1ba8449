# shellcheck shell=bash disable=SC2154  # gate, fake and work are set by gate_test and run_tests
# SPDX-License-Identifier: Apache-2.0
#
# Bad input: each ends with 125 and a sentence. Source it.

test_a_guest_that_is_never_ready_ends_with_its_console() {
  describe image behaviour=never_ready
  describe kernel
  gives 125 measure_fake now --boot-timeout 700ms
  says "warm-up boot 1 did not end within 700 ms" "waiting for a disk that never comes"
  [[ ! -e $work/now ]] || fail "it left a measurement"
}

test_an_interrupted_measurement_leaves_nothing() {
  describe image behaviour=never_ready
  describe kernel
  TMPDIR="$work" timeout --signal=INT --kill-after=20 3 "$gate" measure --mayfly "$fake" --image "$work/image" \
    --kernel "$work/kernel" --output "$work/now" >"$work/out" 2>&1
  says "mayfly-gate: interrupted"
  [[ -z $(compgen -G "$work/mayfly-gate.*") && ! -e $work/now ]] || fail "it left files"
}

test_guests_that_lie_about_their_boot_are_refused() {
  describe kernel
  local behaviour sentence
  while IFS='|' read -r behaviour sentence; do
    describe image "behaviour=$behaviour"
    gives 125 measure_fake now
    says "$sentence"
  done <<'END'
out_of_order|wrote its marks out of order: 0x61 before 0x60
flood|flooded port 0x80 with 5003 marks
no_ready|never wrote the mark 0x61 (ready)
cut_off|timeline is not JSON, or is cut off
status_3|the guest panicked
END
}

test_a_budget_with_a_mistake_is_refused_with_its_key() {
  describe image
  describe kernel
  gives 0 measure_fake now --boots 5
  local budget sentence
  while IFS='|' read -r budget sentence; do
    echo "$budget" >"$work/budget.json"
    gives 125 "$gate" check --budget "$work/budget.json" "$work/now"
    says "budget.json: $sentence"
    [[ $(wc -l <"$work/out") == 1 ]] || fail "more than a sentence: $(<"$work/out")"
  done <<'END'
{"version": 1, "spans": {"exec_to_ready": {"wall": {"p50": 4}}}}|spans.exec_to_ready.wall.p50_ms is missing
{"version": 1, "spans": {"exec_to_ready": {"wall": {"p50_ms": 4, "p90_ms": 5}}}}|spans.exec_to_ready.wall.p90_ms is no key
{"version": 1, "spans": {"exec_to_ready": {"wall": {"p50_ms": -4}}}}|spans.exec_to_ready.wall.p50_ms is negative
{"version": 1, "exits": {"total": {"limit": "many"}}}|exits.total.limit is not a number
{"version": 1}|spans and all else is empty
END
  echo '{"version": 1, "spans": {"exec_to_reedy": {"wall": {"p50_ms": 4}}}}' >"$work/budget.json"
  gives 125 "$gate" check --budget "$work/budget.json" "$work/now"
  says "the measurement has no span.exec_to_reedy; it has span.exec_to_first_entry, span.exec_to_ready"
}

test_files_that_are_empty_or_cut_off_are_refused() {
  describe image
  describe kernel
  echo '{"version": 1, "spans": {"exec_to_ready": {"wall": {"p50_ms": 60, "change_percent": 2}}}}' >"$work/budget"
  gives 0 measure_fake now --boots 5
  : >"$work/history"
  gives 125 "$gate" check --budget "$work/budget" --history "$work/history" "$work/now"
  says "history holds no history; begin one with"
  head -c 700 "$work/now" >"$work/part"
  gives 125 "$gate" check --budget "$work/budget" "$work/part"
  says "part is not JSON, or is cut off"
  gives 125 "$gate" compare "$work/now" "$work/nowhere"
  says "cannot read $work/nowhere: No such file"
}

test_measurements_of_unlike_hosts_are_not_compared() {
  describe image
  describe kernel
  gives 0 measure_fake now --boots 6
  sed 's/"governor": "[^"]*"/"governor": "powersave-of-old"/' "$work/now" >"$work/base"
  gives 125 "$gate" compare "$work/base" "$work/now"
  says "not comparable: host.governor was 'powersave-of-old'"
  gives 0 "$gate" compare "$work/base" "$work/now" --accept host.governor
}

test_help_and_usage() {
  local command
  for command in "" measure check compare report; do
    # shellcheck disable=SC2086  # none or one word
    gives 0 "$gate" $command --help
    says "Exit status: 0 pass, 1 fail, 2 not enough evidence, 125"
  done
  gives 125 "$gate"
  gives 125 "$gate" measure --image x
  says "measure needs --image and --output"
  gives 125 "$gate" compare a
  gives 125 env MAYFLY_GATE_LAB=/nowhere/lab "$gate" measure --counted --mayfly /bin/true --kernel /bin/true --image /bin/true -o x
  says "there is none at /nowhere/lab"
}
