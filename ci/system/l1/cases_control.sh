# shellcheck shell=bash disable=SC2154,SC2016,SC2034
# SPDX-License-Identifier: Apache-2.0
#
# Running VMs and the commands that ask them, by id: use and misuse.

# Writes a line each time it wakes up, until its VM is ended; SIGTERM makes it say so, and end.
readonly TICK='trap "echo stopped; exit 7" TERM; echo up; while :; do sleep 0.05; echo tick; done'

# start_vm ID COMMAND OPTION...: a VM in the background, $vm, which is up when its workload has written `up`. It ends after
# VM_TIMEOUT.
start_vm() {
  local id="$1" command="$2"
  shift 2
  rm -f "$WORK/$id".{out,err} # of one before it, which would be taken for this one's until the redirections are there
  "$MAYFLY" run --id "$id" --image "$IMAGE" --timeout "${VM_TIMEOUT:-10m}" "$@" -- sh -c "$command" </dev/null >"$WORK/$id.out" 2>"$WORK/$id.err" &
  vm=$!
  # shellcheck disable=SC2064  # the number as it is now
  trap "kill -KILL $vm 2>/dev/null" EXIT
  await "$vm" has_line "$WORK/$id.out" up
}

# ask WORD...: a command of mayfly; stdout, stderr and status into $out, $err and $status.
ask() {
  status=0
  timeout --kill-after=5 120 "$MAYFLY" "$@" >"$WORK/asked" 2>"$WORK/asked.err" </dev/null || status=$?
  out="$(<"$WORK/asked")" err="$(<"$WORK/asked.err")"
}

# expect_answer STATUS TEXT WORD...: what a command ends with, and a part of what it says.
expect_answer() {
  local wanted="$1" text="$2"
  shift 2
  ask "$@"
  expect_status "$wanted"
  [[ "$out$err" == *"$text"* ]] || fail "mayfly $* says '$out$err', not '$text'"
}

# only_id: that of the only VM that there is.
only_id() {
  "$MAYFLY" ps --json >"$WORK/ps.json" || fail "no list of VMs"
  json "$WORK/ps.json" 't[0]["id"]'
}

# status_of ID EXPRESSION: over `t`, the VM's status.
status_of() {
  "$MAYFLY" status "$1" --json >"$WORK/status.json" || fail "no status of $1"
  json "$WORK/status.json" "$2"
}

# wait_in_background ID: `mayfly wait`, $waits, which the last VM that was started has heard of when this returns.
wait_in_background() {
  local before=(/proc/"$vm"/fd/*)
  "$MAYFLY" wait "$1" 2>"$WORK/wait.err" &
  waits=$!
  await "$waits" has_more_files "$vm" "${#before[@]}"
}

# has_more_files PID COUNT: whether a process has more descriptors than that.
has_more_files() {
  local files=(/proc/"$1"/fd/*)
  ((${#files[@]} > $2))
}

# end_vm STATUS: ends the last VM that was started, whose exit status that is.
end_vm() {
  status=0
  wait "$vm" || status=$?
  expect_status "$1"
}

# raw_ask FILE: sends the file to the VM `a`, ends the input, and prints what is answered.
raw_ask() {
  python3 - "$1" <<'PYTHON'
import os, socket, sys
with socket.socket(socket.AF_UNIX) as s:
    s.settimeout(20)
    s.connect(os.environ.get("XDG_RUNTIME_DIR", "/run") + "/mayfly/a.sock")
    try:
        s.sendall(open(sys.argv[1], "rb").read())
        s.shutdown(socket.SHUT_WR)
    except (BrokenPipeError, ConnectionResetError):
        pass
    # What the server has not read when it hangs up makes that a reset, after its answer.
    try:
        while piece := s.recv(65536):
            sys.stdout.write(piece.decode())
    except ConnectionResetError:
        pass
PYTHON
}

case_control_vm_is_listed_and_says_its_status() {
  start_vm web-1 "$TICK" --memory 256M --cpus 2
  ask ps
  expect_status 0
  has_line "$WORK/asked" "web-1 +$vm +running +2 +256M +[0-9.]+ s +$IMAGE +-" || fail "ps says '$out'"
  [[ "$("$MAYFLY" ps --json | python3 -c 'import json, sys; print([v["id"] for v in json.load(sys.stdin)])')" == "['web-1']" ]] ||
    fail "ps --json says $("$MAYFLY" ps --json)"
  expect_answer 0 'state     running, ready after' status web-1
  [[ "$(status_of web-1 't["pid"], t["cpus"], t["memory"]["bytes"] >> 20, t["devices"]')" == "($vm, 2, 256, [])" ]] ||
    fail "$(<"$WORK/status.json")"
  [[ "$(status_of web-1 '0 < t["ready_ns"] < t["uptime_ns"] and t["exits"]["mmio_write"] > 0 and 0 < t["memory"]["populated_bytes"] < t["memory"]["bytes"]')" == True ]] ||
    fail "$(<"$WORK/status.json")"
  [[ "$(status_of web-1 '"balloon" in t or "dma" in t')" == False ]] || fail "$(<"$WORK/status.json")"
  # Until the VM ends.
  "$MAYFLY" status web-1 --watch >"$WORK/watched" &
  local watch=$!
  await "$watch" has_lines "$WORK/watched" 2 '^state'
  expect_answer 0 '' kill web-1
  wait "$watch" || fail "status --watch ends with $?"
  end_vm 137
  expect_answer 0 'ID  PID  STATE  CPUS  MEMORY  UPTIME  IMAGE  DEVICES' ps
  [[ ! -e /run/mayfly/web-1.sock ]] || fail "a socket is left"
}

case_control_metrics_of_all_vms_and_of_one() {
  expect_answer 0 '' metrics
  [[ -z "$out" ]] || fail "without a VM: $out"
  start_vm a "$TICK" --memory 256M
  ask metrics
  expect_status 0
  has_line "$WORK/asked" 'mayfly_vm_state\{id="a",state="running"\} 1' || fail "metrics says '$out'"
  has_line "$WORK/asked" 'mayfly_vm_memory_bytes\{id="a"\} 268435456' || fail "metrics says '$out'"
  has_line "$WORK/asked" 'mayfly_vm_exits_total\{id="a",reason="mmio_write"\} [1-9][0-9]*' || fail "metrics says '$out'"
  expect_answer 0 'mayfly_vm_info{id="a"' metrics a
  expect_answer 125 "no VM with the id 'b' is running" metrics a b
  [[ -z "$out" ]] || fail "half of it: $out"
  expect_answer 0 '' kill a
  end_vm 137
}

# Of which ps tells more than the titles; that is in $out then.
has_listed_vm() { ask ps && [[ "$out" == *$'\n'* ]]; }

case_control_generated_id_is_listed() {
  "$MAYFLY" run --image "$IMAGE" --timeout 5m -- sh -c "$TICK" </dev/null >"$WORK/a.out" 2>"$WORK/a.err" &
  vm=$!
  local id
  await "$vm" has_listed_vm
  id="$(sed -n '2s/ .*//p' <<<"$out")"
  [[ "$id" =~ ^[0-9a-f]{8}$ ]] || fail "ps says '$out'"
  expect_answer 0 '' kill "$id"
  end_vm 137
}

case_control_ids_are_unique_and_checked() {
  start_vm a "$TICK"
  mayfly_run --id a -- true </dev/null
  expect_status 125
  expect_err_has "a VM with the id 'a' is running"
  mayfly_run --id ../a -- true </dev/null
  expect_status 125
  expect_err_has "--id '../a'"
  expect_answer 125 "no VM with the id 'b' is running" status b
  expect_answer 125 "'.b' is no id of a VM" kill .b
  expect_answer 125 'no VM given' stop
  # What one leaves that was killed does not stand in the way of the next.
  kill -KILL "$vm"
  wait "$vm"
  [[ -S /run/mayfly/a.sock ]] || fail 'no socket is left to replace'
  expect_answer 125 "no VM with the id 'a' is running" status a
  start_vm a "$TICK"
  expect_answer 0 '' kill a
  end_vm 137
}

case_control_stop_asks_the_workload_and_then_ends_the_vm() {
  start_vm a "$TICK"
  wait_in_background a
  expect_answer 0 '' stop a
  end_vm 7
  [[ "$(tail -n 1 "$WORK/a.out")" == stopped ]] || fail "the workload was not asked: $(tail -n 1 "$WORK/a.out")"
  status=0
  wait "$waits" || status=$?
  expect_status 7
  start_vm a 'trap "" TERM; echo up; while :; do sleep 1; done'
  expect_answer 0 '' stop a --timeout 300ms
  end_vm 137
  [[ "$(<"$WORK/a.err")" == *'ended by mayfly kill'* ]] || fail "$(<"$WORK/a.err")"
  expect_answer 125 "no VM with the id 'a' is running" stop a
  expect_answer 125 "--timeout 'soon'" stop a --timeout soon
}

case_control_two_stops_at_once_are_one() {
  start_vm a 'trap "sleep 1; echo stopped; exit 7" TERM; echo up; while :; do sleep 0.1; done'
  "$MAYFLY" stop a &
  local other=$!
  expect_answer 0 '' stop a
  wait "$other" || fail "the other stop ends with $?"
  end_vm 7
  [[ "$(tail -n 1 "$WORK/a.out")" == stopped ]] || fail "the second stop was a second signal"
}

case_control_wait_of_a_killed_mayfly_says_that_it_cannot_be_known() {
  start_vm a "$TICK"
  wait_in_background a
  kill -KILL "$vm"
  status=0
  wait "$waits" || status=$?
  expect_status 125
  [[ "$(<"$WORK/wait.err")" == *"has ended without saying its exit status"* ]] || fail "$(<"$WORK/wait.err")"
}

case_control_gc_removes_what_the_dead_have_left() {
  ask gc  # other cases kill VMs, too
  start_vm dead "$TICK"
  kill -KILL "$vm"
  wait "$vm"
  start_vm living "$TICK"
  ask gc
  expect_status 0
  expect_out dead
  [[ ! -e /run/mayfly/dead.sock && -S /run/mayfly/living.sock ]] || fail "left: $(ls /run/mayfly)"
  expect_answer 0 '' gc
  expect_out ''
  expect_answer 0 '' kill living
  end_vm 137
}

# behind_host: by how many seconds the clock of the VM `a`, which writes it, is behind ours: the least of some looks, since
# what it has written may come late.
behind_host() {
  local look lines tries guest behind least=1000
  for look in 1 2 3 4; do
    lines="$(wc -l <"$WORK/a.out")"
    for ((tries = 0; tries < 600 && $(wc -l <"$WORK/a.out") < lines + 2; tries++)); do pause; done
    guest="$(sed -n '$s/^now //p' "$WORK/a.out")"
    behind=$(($(date +%s) - guest))
    ((least = behind < least ? behind : least))
  done
  echo "$least"
}

# No guest CPU runs, however many there are; the guest's clock is right afterwards; it has not taken harm.
case_control_pause_and_resume() {
  local before after behind
  start_vm a 'echo up; while :; do date +"now %s"; sleep 0.05; done' --cpus 2
  behind="$(behind_host)"
  expect_answer 125 'the VM is not paused' resume a
  expect_answer 0 '' pause a
  [[ "$(status_of a 't["state"]')" == paused ]] || fail "$(<"$WORK/status.json")"
  before="$(wc -l <"$WORK/a.out")"
  expect_answer 125 'the VM is paused already' pause a
  sleep 6
  after="$(wc -l <"$WORK/a.out")"
  ((after <= before + 1)) || fail "a paused VM wrote $((after - before)) lines"
  expect_answer 0 '' resume a
  [[ "$(status_of a 't["state"]')" == running ]] || fail "$(<"$WORK/status.json")"
  # As far behind as ever; the pause alone took more than 6 s.
  after="$(behind_host)"
  ((after - behind <= 3 && behind - after <= 3)) || fail "the guest's clock is $after s behind the host's, $behind before the pause"
  # A second time, and stopped while it is paused.
  expect_answer 0 '' pause a
  expect_answer 0 '' resume a
  expect_answer 0 '' pause a
  expect_answer 0 '' stop a
  end_vm 143
}

case_control_paused_vm_is_killed_and_times_out() {
  start_vm a "$TICK"
  expect_answer 0 '' pause a
  expect_answer 0 '' kill a
  end_vm 137
  VM_TIMEOUT=20s start_vm a "$TICK"
  expect_answer 0 '' pause a
  end_vm 124
}

case_control_balloon_needs_a_balloon_and_a_size() {
  start_vm a "$TICK" --memory 256M
  expect_answer 125 'this VM has no balloon; start it with --balloon SIZE' balloon a 64M
  expect_answer 125 'no size given' balloon a
  expect_answer 125 "'much' is not a size" balloon a much
  expect_answer 0 '' kill a
  end_vm 137
  start_vm a "$TICK" --memory 256M --balloon 0
  expect_answer 125 'is a multiple of 2M' balloon a 3M
  expect_answer 125 'leave the guest 64M or more' balloon a 200M
  expect_answer 125 'leave the guest 64M or more' balloon a 1T
  [[ "$(status_of a 't["balloon"]')" == "{'held_bytes': 0, 'target_bytes': 0}" ]] || fail "$(<"$WORK/status.json")"
  expect_answer 0 '' kill a
  end_vm 137
}

case_control_garbage_is_answered_and_harms_nobody() {
  start_vm a 'trap "exit 7" TERM; echo up; while :; do sleep 1; done'
  printf '}{\n{"version":9,"verb":"status"}\n{"version":1,"verb":"%s"}\n{"version":1,"verb":"status"}\n' explode >"$WORK/said"
  raw_ask "$WORK/said" >"$WORK/answers"
  [[ "$(grep -o '"code":"[a-z-]*"' "$WORK/answers" | tr '\n' ' ')" == '"code":"malformed" "code":"version" "code":"unknown-verb" ' ]] ||
    fail "answers: $(<"$WORK/answers"); mayfly: $(<"$WORK/a.err")"
  [[ "$(tail -n 1 "$WORK/answers")" == '{"version":1,"ok":true,"status":{"id":"a",'* ]] || fail "answers: $(<"$WORK/answers"); mayfly: $(<"$WORK/a.err")"
  # Endless, and deep.
  head -c 4000000 /dev/zero | tr '\0' '[' >"$WORK/said"
  raw_ask "$WORK/said" >"$WORK/answers"
  [[ "$(<"$WORK/answers")" == '{"version":1,"ok":false,"error":{"code":"too-long",'* ]] || fail "answers: $(<"$WORK/answers"); mayfly: $(<"$WORK/a.err")"
  printf '%03000d\n' 0 | tr '0' '[' >"$WORK/said"
  raw_ask "$WORK/said" >"$WORK/answers"
  [[ "$(<"$WORK/answers")" == *'"code":"malformed"'* ]] || fail "answers: $(<"$WORK/answers"); mayfly: $(<"$WORK/a.err")"
  expect_answer 0 'running' status a
  expect_answer 0 '' stop a
  end_vm 7
}

case_control_client_that_stops_reading_holds_nobody_up() {
  start_vm a "$TICK"
  python3 -c '
import socket, time
with socket.socket(socket.AF_UNIX) as s:
    s.connect("/run/mayfly/a.sock")
    s.settimeout(0.5)
    try:
        while True:
            s.sendall(b"{\"version\":1,\"verb\":\"status\"}\n")
    except TimeoutError:
        print("stuck", flush=True)
    time.sleep(60)' >"$WORK/stuck" &
  local stuck=$!
  await "$stuck" has_line "$WORK/stuck" stuck
  expect_answer 0 'running' status a
  expect_answer 0 '' stop a
  end_vm 7
  kill "$stuck"
}

case_control_is_for_its_user_alone() {
  start_vm a "$TICK"
  local nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
  [[ "$(stat -c '%a %u' /run/mayfly /run/mayfly/a.sock | tr '\n' ' ')" == '700 0 600 0 ' ]] || fail "$(stat /run/mayfly)"
  ! "${nobody[@]}" env XDG_RUNTIME_DIR=/run "$MAYFLY" kill a 2>"$WORK/err" || fail 'nobody may kill'
  grep -q 'Permission denied' "$WORK/err" || fail "$(<"$WORK/err")"
  # Even where modes let it in.
  chmod 777 /run/mayfly /run/mayfly/a.sock
  printf '{"version":1,"verb":"kill"}\n' >"$WORK/said"
  chmod 755 "$WORK" "$WORK/said"
  # shellcheck disable=SC2030,SC2031
  "${nobody[@]}" bash -c "$(declare -f raw_ask); raw_ask $WORK/said" >"$WORK/answers"
  [[ "$(<"$WORK/answers")" == *'"code":"permission"'* ]] || fail "$(<"$WORK/answers")"
  expect_answer 125 'not yours alone' status a
  chmod 700 /run/mayfly
  expect_answer 0 'running' status a
  expect_answer 0 '' stop a
  end_vm 7
}

# A run goes on without a socket, unless it is to have a name.
case_control_socket_that_cannot_be_made_stops_no_run() {
  local place="$WORK/elsewhere"
  mkdir "$place"
  ln -s / "$place/mayfly"
  XDG_RUNTIME_DIR="$place" mayfly_run -- echo fine </dev/null
  expect_status 0
  expect_out fine
  [[ -z "$err" ]] || fail "stderr: $err"
  XDG_RUNTIME_DIR="$place" mayfly_run --id a -- echo fine </dev/null
  expect_status 125
  expect_err_has 'must be a folder and no symbolic link'
}
