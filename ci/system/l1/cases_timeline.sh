# shellcheck shell=bash disable=SC2154,SC2016,SC2034
# SPDX-License-Identifier: Apache-2.0
#
# Boot time as a product: the timeline, the kernel's marks, `mayfly boot`.

# timed OPTION... -- CMD: a run with a timeline in t.json.
timed() { mayfly_run --timeline "$WORK/t.json" "$@" </dev/null; }

# One boot, on two CPUs, that several cases look at.
timed_once() {
  if [[ ! -s "$WORK/once.json" ]]; then
    timed --cpus 2 -- true
    expect_status 0
    cp "$WORK/t.json" "$WORK/once.json"
  fi
  cp "$WORK/once.json" "$WORK/t.json"
}

# expect_json TEXT EXPRESSION: what the expression over the timeline gives.
expect_json() {
  local value
  value="$(json "$WORK/t.json" "$2")"
  [[ "$value" == "$1" ]] || fail "$2 is '${value:0:400}', not '$1'"
}

# mayfly_boot OPTION... [-- CMD]: as mayfly_run, for `mayfly boot`.
mayfly_boot() {
  status=0
  timeout --kill-after=5 "${CASE_SECONDS:-120}" "$MAYFLY" boot --image "$IMAGE" "$@" >"$WORK/out" 2>"$WORK/err" </dev/null || status=$?
  out="$(<"$WORK/out")"
  err="$(<"$WORK/err")"
}

case_timeline_has_the_marks_of_kernel_and_init_in_order() {
  timed_once
  expect_json '0x40 0x42 0x43 0x45 0x48 0x49 0x4a 0x4b 0x4c 0x4d 0x4e 0x4f 0x50 0x51 0x44 0x41 0x60 0x61 0x62' \
    '" ".join(hex(m["code"]) for m in t["marks"])'
  expect_json True '[m["at_ns"] for m in t["marks"]] == sorted(m["at_ns"] for m in t["marks"])'
  expect_json "('exited', 0)" 't["outcome"], t["exit_status"]'
}

case_timeline_divides_the_kernels_phase() {
  timed_once
  expect_json 'process_start options open' '" ".join(p["name"] for p in t["phases"][:3])'
  expect_json 'guest_kernel guest_init workload finish shutdown timeline teardown' \
    '" ".join(p["name"] for p in t["phases"][8:] if p["track"] != "kernel_loader")'
  expect_json 'enter_kernel kernel_entry kernel_core initcalls_early driver_core initcalls_pure initcalls_core initcalls_postcore initcalls_arch initcalls_subsys initcalls_fs initcalls_device initcalls_late mount_root kernel_finish kernel_smp exec_init' \
    '" ".join(p["name"] for x in t["phases"] if x["name"] == "guest_kernel" for p in x["phases"])'
  expect_json True '(lambda k: [p["begin_ns"] for p in k["phases"]] + [k["end_ns"]] == [k["begin_ns"]] + [p["end_ns"] for p in k["phases"]])([x for x in t["phases"] if x["name"] == "guest_kernel"][0])'
  expect_json True 'all(t["spans"][n] > 0 for n in ("exec_to_ready_ns", "first_entry_to_init_ns", "kernel_entry_to_userspace_ns"))'
}

# What KVM has mapped may shrink on the host's own account, so that is only looked at as a whole.
case_timeline_counts_exits_and_memory_by_phase() {
  timed_once
  expect_json 17 '[p["exits"]["boot_mark"] for p in t["phases"] if p["name"] == "guest_kernel"][0]'
  expect_json True 'all(sum(p["exits"][r] for p in t["phases"] if "exits" in p) == t["exits"][r] for r in t["exits"])'
  expect_json True 'sum(p.get("bytes_mapped", 0) for p in t["phases"]) > 1 << 20'
  expect_json True 'all(p["kvm_exits"] > sum(p["exits"].values()) for p in t["phases"] if p["name"] in ("guest_kernel", "guest_init"))'
  expect_json True 'sum(p["kvm_exits"] for p in t["phases"] if "exits" in p) == t["kvm"]["exits"]'
}

case_kernel_is_asked_for_marks_only_with_a_timeline() {
  mayfly_run -- cat /proc/cmdline </dev/null
  expect_status 0
  [[ "$out" != *mayfly.marks* ]] || fail "marks are on: $out"
  timed -- cat /proc/cmdline
  expect_status 0
  [[ "$out" == *' mayfly.marks '* ]] || fail "marks are off: $out"
}

case_timeline_becomes_a_trace_for_perfetto() {
  timed_once
  "$MAYFLY" timeline --perfetto "$WORK/t.json" >"$WORK/trace.json" || fail "no trace"
  [[ "$(json "$WORK/trace.json" 'sorted({e["ph"] for e in t["traceEvents"]})')" == "['C', 'M', 'X', 'i']" ]] || fail "events are missing"
  [[ "$(json "$WORK/trace.json" '[e["args"]["name"] for e in t["traceEvents"] if e["ph"] == "M"]')" == *"'mayfly', 'guest'"*"'kernel loader'"* ]] ||
    fail "names are missing"
  [[ "$(json "$WORK/trace.json" 'sum(e["ph"] == "i" for e in t["traceEvents"])')" == 19 ]] || fail "marks are missing"
}

case_run_until_ready_does_not_run_the_command() {
  timed --until-ready -- sh -c 'echo ran; exit 7'
  expect_status 0
  expect_out ''
  expect_json "('ready', True, False)" 't["outcome"], "exec_to_ready_ns" in t["spans"], "ready_to_exited_ns" in t["spans"]'
}

case_boot_repeats_and_gives_percentiles() {
  mayfly_boot --repeat 3 --timeout 60s --json "$WORK/t.json"
  expect_status 0
  expect_out_has '3 boots, in milliseconds'
  expect_out_has 'kernel to userspace '
  expect_out_has 'The p99 of 3 boots is the slowest'
  expect_json "(3, 3)" 't["boots"], len(t["exec_to_ready_ns"])'
  expect_json True 't["spans"]["exec_to_ready_ns"]["p99"] == max(t["exec_to_ready_ns"])'
}

case_boot_over_its_limit_names_limit_and_phase() {
  mayfly_boot --repeat 2 --timeout 60s --p99 1ms -- true
  expect_status 1
  [[ "$err" =~ 'mayfly: p99 of exec to ready is '[0-9.]+' ms, over the limit of 1.000 ms'.*'the longest phase is guest_kernel with' ]] || fail "stderr: $err"
}

case_boot_of_a_guest_that_is_never_ready_shows_its_console() {
  mayfly_boot --timeout 40s --cmdline-append "$(python_as_init "[print('stuck',flush=True),__import__('signal').pause()]")"
  expect_status 124
  expect_err_has 'boot 1 was not ready within 40000 ms; it was in the phase exec_init'
  expect_err_has '  | stuck'
}

case_boot_whose_command_fails_is_an_error() {
  mayfly_boot --timeout 60s -- sh -c 'echo oops >&2; exit 3'
  expect_status 125
  expect_err_has 'boot 1 failed with exit status 3'
  expect_err_has '  | oops'
}

case_boot_ends_with_a_signal_and_leaves_nothing() {
  status=0
  timeout --preserve-status -s INT 6 "$MAYFLY" boot --image "$IMAGE" --repeat 100000 >"$WORK/out" 2>"$WORK/err" </dev/null || status=$?
  err="$(<"$WORK/err")"
  expect_status 130
  ! pgrep -x mayfly >/dev/null || fail "a mayfly still runs"
}

case_guest_that_floods_the_mark_port_costs_nothing() {
  assembly_kernel 'b040 e680 ebfc' # mov al, 0x40; out 0x80, al; jmp to the out
  timed --timeout 4s --kernel "$WORK/kernel" -- true
  expect_status 124
  expect_json "(64, True, 'timeout')" 'len(t["marks"]), t["marks_dropped"] > 0, t["outcome"]'
  (($(stat -c %s "$WORK/t.json") < 100000)) || fail "the timeline has $(stat -c %s "$WORK/t.json") bytes"
  "$MAYFLY" timeline "$WORK/t.json" >/dev/null || fail "it cannot be drawn"
}

case_guest_that_marks_out_of_order_gets_no_negative_phase() {
  # out 0x80: 0x62, 0x61, 0x41, 0x40, 0x4f, 0x40, 0x60, 0xff; then reset
  assembly_kernel 'b062 e680 b061 e680 b041 e680 b040 e680 b04f e680 b040 e680 b060 e680 b0ff e680 66ba0006 b001 ee f4'
  timed --kernel "$WORK/kernel" -- true
  expect_status 125
  expect_json True 'all(0 <= p["begin_ns"] <= p["end_ns"] for x in t["phases"] for p in [x] + x.get("phases", []))'
  expect_json True 'all(n >= 0 for n in t["spans"].values()) and "kernel_entry_to_userspace_ns" not in t["spans"]'
  "$MAYFLY" timeline --perfetto "$WORK/t.json" | python3 -c 'import json, sys; assert all(e.get("dur", 0) >= 0 for e in json.load(sys.stdin)["traceEvents"])' ||
    fail "the trace has a negative duration"
}
