# shellcheck shell=bash disable=SC2154,SC2016,SC2034
# SPDX-License-Identifier: Apache-2.0
#
# VMs that run on by themselves: `mayfly run --detach`, `mayfly logs`, --events and --config.

# detach ID OPTION... -- COMMAND...: a detached VM, whose process is $vm.
detach() {
  local id="$1"
  shift
  ask run --detach --id "$id" --image "$IMAGE" --timeout 10m "$@"
  expect_status 0
  expect_out "$id"
  vm="$(status_of "$id" 't["pid"]')"
  # shellcheck disable=SC2064  # the number as it is now
  trap "kill -KILL $vm 2>/dev/null" EXIT
}
is_over() { [[ ! -e "/proc/$1/exe" ]]; }
logs_have() { grep -q "$2" <("$MAYFLY" logs "$1" 2>&1); }

case_detach_runs_on_by_itself() {
  detach web --memory 256M -- sh -c "$TICK"
  expect_answer 0 'state     running, ready after' status web
  [[ "$(awk '{ print $6 }' "/proc/$vm/stat")" == "$vm" ]] || fail "no session of its own"
  local fd
  for fd in 0 1; do
    [[ "$(readlink "/proc/$vm/fd/$fd")" == /dev/null ]] || fail "descriptor $fd is $(readlink "/proc/$vm/fd/$fd")"
  done
  expect_answer 0 'hello' exec web -- echo hello
  await "$vm" logs_have web tick
  "$MAYFLY" logs web --follow >"$WORK/followed" 2>"$WORK/followed.err" &
  local follows=$!
  "$MAYFLY" wait web &
  local waits=$!
  await "$follows" has_line "$WORK/followed" tick
  expect_answer 0 '' stop web
  status=0
  wait "$follows" || status=$?
  expect_status 0
  [[ "$(head -n 1 "$WORK/followed") $(tail -n 1 "$WORK/followed")" == 'up stopped' ]] || fail "the log is '$(<"$WORK/followed")'"
  ! grep mayfly: "$WORK/followed.err" >&2 || fail "mayfly complains"
  wait "$waits" || status=$?
  [[ "$status" == 7 || "$status" == 125 ]] || fail "mayfly wait ends with $status"
  await "$vm" is_over "$vm"
  # It is there until it is removed.
  expect_answer 0 'stopped' logs web
  expect_answer 0 'web' gc
  expect_answer 125 "no log of a VM with the id 'web'" logs web
}

case_detach_keeps_stdout_and_stderr_apart_and_the_last_of_both() {
  detach noisy --memory 256M -- sh -c 'seq 1 400000; echo wrong >&2; echo end; exec sleep 100000'
  await "$vm" logs_have noisy '^end$'
  "$MAYFLY" logs noisy >"$WORK/out" 2>"$WORK/err" || fail "status $?"
  [[ "$(<"$WORK/err")" == wrong ]] || fail "stderr is '$(<"$WORK/err")'"
  [[ "$(tail -n 2 "$WORK/out" | tr '\n' ' ')" == '400000 end ' ]] || fail "it ends with $(tail -n 2 "$WORK/out")"
  (($(stat -c %s "$WORK/out") > 900000)) || fail "only $(stat -c %s "$WORK/out") bytes"
  (($(stat -c %s /run/mayfly/noisy.log) <= 1048576)) || fail "the log has $(stat -c %s /run/mayfly/noisy.log) bytes"
  tail -n 1000 "$WORK/out" | head -n 999 | diff - <(seq 399002 400000) >&2 || fail "it is not what was written"
  "$MAYFLY" logs noisy --timestamps | tail -n 1 | grep -qE '^20[0-9-]+T[0-9:.]+Z end$' || fail "no time before it"
  expect_answer 0 '' kill noisy
  await "$vm" is_over "$vm"
  expect_answer 0 '' logs noisy
  [[ "$err" == *'mayfly: ended by mayfly kill' ]] || fail "the log does not say why it ended: '$err'"
}

case_detach_of_what_does_not_start_says_why() {
  ask run --detach --id bad --image "$WORK/nosuch" -- true
  expect_status 125
  expect_err_has "nosuch"
  [[ -z "$out" ]] || fail "it prints '$out'"
  ask run --detach --id bad --image "$IMAGE" --cmdline-append root=/dev/nosuch -- true
  expect_status 125
  expect_err_has 'the guest kernel'
  detach bad --memory 256M -- sleep 100000
  local other="$vm"
  ask run --detach --id bad --image "$IMAGE" -- true
  expect_status 125
  expect_err_has "a VM with the id 'bad' is running"
  expect_answer 0 '' kill bad
  await "$other" is_over "$other"
  ask run --detach --image "$IMAGE" -- true
  expect_status 0
  [[ "$out" =~ ^[a-z0-9-]+$ ]] || fail "the id is '$out'"
  "$MAYFLY" logs "$out" --follow >"$WORK/out" 2>&1 || fail "no log of it"
}

case_detach_ends_with_its_caller_only_before_it_is_ready() {
  "$MAYFLY" run --detach --id early --image "$IMAGE" --cmdline-append initcall_debug=1 --cpus 1 --timeout 5m -- sleep 100000 \
    >"$WORK/out" 2>"$WORK/err" &
  local caller=$!
  await "$caller" there /run/mayfly/early.sock
  kill -TERM "$caller"
  kill -TERM "$caller"
  status=0
  wait "$caller" || status=$?
  # The second may be merged with the first; then the workload ends by it, or has begun.
  [[ "$status" == 143 || "$status" == 0 ]] || fail "status $status: $(<"$WORK/err")"
  ask kill early
  await "$caller" gone /run/mayfly/early.sock
}

# json_lines FILE [KEY VALUE]...: each line of FILE is an object of mayfly's own; the last one has those values.
json_lines() {
  python3 - "$@" <<'PYTHON' || fail "'$(<"$1")'"
import json, re, sys
objects = [json.loads(line) for line in open(sys.argv[1])]
assert objects, "nothing was said"
for each in objects:
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", each["time"]), each
    assert each["level"] in ("error", "warning", "info"), each
for key, value in zip(sys.argv[2::2], sys.argv[3::2]):
    assert value in objects[-1][key], (key, objects[-1])
PYTHON
}

case_detach_log_has_what_mayfly_says_later() {
  detach talks --memory 256M --log-format json -- sh -c 'printf unfinished >&2; exec sleep 100000'
  await "$vm" logs_have talks unfinished
  expect_answer 0 '' kill talks
  await "$vm" is_over "$vm"
  "$MAYFLY" logs talks >"$WORK/out" 2>"$WORK/err" || fail "status $?"
  sed -i 's/^unfinished//' "$WORK/err"
  json_lines "$WORK/err" level error message 'ended by mayfly kill' id talks
  # A device that goes is told by the thread of devices, from within the sandbox.
  make_tap net0
  detach loses --memory 256M --net tap=net0 -- sleep 100000
  busybox ip link delete net0
  await "$vm" logs_have loses '^mayfly: net0 of --net is gone; the guest has no link there any more$'
  expect_answer 0 'alive' exec loses -- echo alive
  expect_answer 0 '' kill loses
  await "$vm" is_over "$vm"
}

case_log_format_json_has_all_that_mayfly_says() {
  mayfly_run --log-format json --id said --timeout 1ms -- true
  expect_status 124
  json_lines "$WORK/err" level error id said
  mayfly_run --log-format json --nosuch -- true
  expect_status 125
  json_lines "$WORK/err" message "unknown argument '--nosuch'"
  echo "{\"image\": \"$WORK/nosuch\", \"log-format\": \"json\"}" >"$WORK/vm.json"
  ask run --config "$WORK/vm.json"
  expect_status 125
  printf '%s\n' "$err" >"$WORK/err"
  json_lines "$WORK/err" message nosuch
  # The workload's stderr is its own.
  mayfly_run --log-format json -- sh -c 'echo plain >&2; exit 3'
  expect_status 3
  [[ "$(<"$WORK/err")" == plain ]] || fail "stderr is '$(<"$WORK/err")'"
  ask exec --log-format json nosuch -- true
  expect_status 125
  printf '%s\n' "$err" >"$WORK/err"
  json_lines "$WORK/err" message nosuch id nosuch
}

case_events_are_told_as_lines() {
  mkfifo "$WORK/events"
  cat "$WORK/events" >"$WORK/told" &
  local reader=$!
  start_vm a "$TICK" --memory 256M --events 7 7>"$WORK/events"
  await "$vm" grep -q '"event":"ready"' "$WORK/told"
  expect_answer 0 '' pause a
  expect_answer 0 '' resume a
  expect_answer 0 '' stop a
  end_vm 7
  wait "$reader"
  [[ "$(python3 -c 'import json, sys; print([json.loads(line)["event"] for line in sys.stdin])' <"$WORK/told")" == \
    "['starting', 'ready', 'paused', 'resumed', 'ended']" ]] || fail "$(<"$WORK/told")"
  [[ "$(tail -n 1 "$WORK/told" | python3 -c 'import json, sys; t = json.load(sys.stdin); print(t["id"], t["exit_status"], t["outcome"])')" == 'a 7 exited' ]] ||
    fail "$(tail -n 1 "$WORK/told")"
  ask run --image "$WORK/nosuch" --events 9 9>"$WORK/told" -- true
  expect_status 125
  [[ "$(tail -n 1 "$WORK/told" | python3 -c 'import json, sys; t = json.load(sys.stdin); print(t["event"], t["exit_status"], t["outcome"], "nosuch" in t["message"])')" == \
    'ended 125 failed True' ]] || fail "$(<"$WORK/told")"
  mayfly_run --events 9 -- true
  expect_status 125
  expect_err_has "--events '9': not a descriptor that mayfly was started with"
}

# Nobody reads what is told; the VM is none the worse for it.
case_events_that_nobody_reads_hold_nobody_up() {
  mkfifo "$WORK/events"
  exec 8<>"$WORK/events"
  head -c 65000 /dev/zero >&8
  start_vm a "$TICK" --memory 256M --events 7 7>"$WORK/events"
  local i
  for i in 1 2 3; do
    expect_answer 0 '' pause a
    expect_answer 0 '' resume a
  done
  expect_answer 0 '' stop a
  end_vm 7
}

case_config_file_has_options_and_command() {
  python3 - "$IMAGE" >"$WORK/vm.json" <<'PYTHON'
import json, sys
print(json.dumps({"image": sys.argv[1], "memory": 268435456, "cpus": 2, "env": {"COLOUR": "blue", "SHAPE": "round"},
                  "workdir": "/usr", "command": ["sh", "-c", "echo $COLOUR $SHAPE $SECRET $PWD $(nproc); exit 3"]}))
PYTHON
  ask run --config "$WORK/vm.json"
  expect_status 3
  expect_out 'blue round /usr 2'
  SECRET=sesame ask run --config "$WORK/vm.json" --cpus 1 --env SECRET --env COLOUR=red --env SHAPE=flat
  expect_out 'red flat sesame /usr 1'
  ask run --config "$WORK/vm.json" -- echo other
  expect_status 0
  expect_out other
  echo '{"imgae": "x"}' >"$WORK/vm.json"
  expect_answer 125 "vm.json: 'imgae': is no option" run --config "$WORK/vm.json"
}
