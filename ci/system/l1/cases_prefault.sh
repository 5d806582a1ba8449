# shellcheck shell=bash disable=SC2154,SC2016,SC2034
# SPDX-License-Identifier: Apache-2.0
#
# Memory that is populated and mapped before the guest runs: nested page faults are counted from KVM's trace.

tracing=/sys/kernel/tracing

# trace_ram_faults BYTES: counts nested page faults below that address from here on. Those of the image and of devices lie above.
trace_ram_faults() {
  echo 0 >"$tracing/events/enable"
  echo >"$tracing/trace"
  echo "fault_address < $1" >"$tracing/events/kvm/kvm_page_fault/filter"
  echo 1 >"$tracing/events/kvm/kvm_page_fault/enable"
}

# How many there were, those that the trace had no room for included.
ram_faults() {
  echo 0 >"$tracing/events/kvm/kvm_page_fault/enable"
  awk '/^(entries|overrun):/ { sum += $2 } END { print sum + 0 }' "$tracing"/per_cpu/cpu*/stats
}

# touch_gibibyte OPTION...: has a guest touch 1 GiB, and the faults of its memory in $faults.
touch_gibibyte() {
  trace_ram_faults $((1280 << 20))
  CASE_SECONDS=900 mayfly_run --memory 1280M --timeline "$WORK/t.json" "$@" -- \
    python3 -c 'print(len(b"x" * (1 << 30)))' </dev/null
  faults="$(ram_faults)"
  expect_status 0
  expect_out 1073741824
}

# expect_prefault: all of the last run's guest memory was populated and mapped before it ran.
expect_prefault() {
  [[ "$(json "$WORK/t.json" '[t["prefault"][k] >> 20 for k in ("populated_bytes", "mapped_bytes")]')" == '[1280, 1280]' ]] ||
    fail "prefaulted $(json "$WORK/t.json" 't["prefault"]')"
  [[ "$(json "$WORK/t.json" '[p["name"] for p in t["phases"] if p["name"] in ("prefault", "populate")]')" == "['prefault', 'populate']" ]] ||
    fail "phases: $(json "$WORK/t.json" '[p["name"] for p in t["phases"]]')"
}

case_prefaulted_small_pages_cost_the_guest_no_faults() {
  touch_gibibyte --pages 4k --prefault all
  expect_prefault
  ((faults <= 100)) || fail "$faults nested page faults of 1280 MiB of memory"
}

# Without, each page of 2 MiB is a fault: that the count counts.
case_prefaulted_huge_pages_cost_the_guest_no_faults() {
  echo 700 >/proc/sys/vm/nr_hugepages
  touch_gibibyte --pages 2m
  local without="$faults"
  touch_gibibyte --pages 2m --prefault all
  echo 0 >/proc/sys/vm/nr_hugepages
  expect_prefault
  ((without >= 512)) || fail "only $without nested page faults without --prefault"
  ((faults <= 10)) || fail "$faults nested page faults"
}

# Of small pages a boot touches thousands, each a fault; the second boot of an image finds them there.
case_prefault_of_the_last_boot_cuts_the_faults_of_the_next() {
  ln -s "$IMAGE" "$WORK/app.img"
  IMAGE="$WORK/app.img"
  local -a faults=()
  for _ in first second; do
    trace_ram_faults $((512 << 20))
    mayfly_run --pages 4k --prefault boot --timeline "$WORK/t.json" -- true </dev/null
    faults+=("$(ram_faults)")
    expect_status 0
  done
  (((faults[0] > 1000) && (faults[1] * 5 < faults[0]))) || fail "nested page faults of two boots: ${faults[*]}"
  [[ "$(json "$WORK/t.json" '0 < t["prefault"]["mapped_bytes"] == t["prefault"]["populated_bytes"] < (128 << 20)')" == True ]] ||
    fail "prefaulted: $(json "$WORK/t.json" 't["prefault"]')"
}

case_prefault_runs_on_one_cpu() {
  status=0
  timeout --kill-after=5 120 taskset -c 0 "$MAYFLY" run --image "$IMAGE" --prefault all --cpus 2 --pages 4k --timeline "$WORK/t.json" \
    -- true </dev/null 2>"$WORK/err" || status=$?
  err="$(<"$WORK/err")"
  expect_status 0
  [[ "$(json "$WORK/t.json" '[t["prefault"][k] for k in ("populate_threads", "map_threads")]')" == '[1, 1]' ]] ||
    fail "threads: $(json "$WORK/t.json" 't["prefault"]')"
}
