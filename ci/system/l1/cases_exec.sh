# shellcheck shell=bash disable=SC2154,SC2016,SC2034
# SPDX-License-Identifier: Apache-2.0
#
# Further commands in a VM that runs: `mayfly exec`.

# A workload that says `up` and waits for its end.
readonly WAIT='echo up; exec sleep 100000'

# start_warm OPTION...: a VM `warm`, as start_vm.
start_warm() { start_vm warm "$WAIT" "$@"; }
end_warm() {
  expect_answer 0 '' kill warm
  end_vm 137
}

# exec_shell SCRIPT: as ask, in the VM `warm`.
exec_shell() { ask exec warm -- sh -c "$1"; }

# guest_has TEXT: whether a process of the VM `warm` has that on its command line.
guest_has() { "$MAYFLY" exec warm -- python3 -c "$FIND" "$1" </dev/null; }
readonly FIND='
import glob, os, sys
def words(path):
    try:
        return open(path, "rb").read().split(b"\0")
    except OSError:
        return []
found = [path for path in glob.glob("/proc/[0-9]*/cmdline") if path != f"/proc/{os.getpid()}/cmdline"
         and sys.argv[1].encode() in words(path)]
sys.exit(0 if found else 1)'
guest_lacks() { ! guest_has "$1"; }

case_exec_runs_a_command_beside_the_workload() {
  start_warm --env COLOUR=blue --workdir /usr --user 1234:56
  expect_answer 0 "blue /usr 1234:56" exec warm -- sh -c 'echo $COLOUR $PWD $(id -u):$(id -g)'
  expect_answer 0 "red /tmp 0:0" exec --env COLOUR=red --workdir /tmp --user 0:0 warm -- sh -c 'echo $COLOUR $PWD $(id -u):$(id -g)'
  exec_shell 'echo out; echo err >&2; exit 7'
  expect_status 7
  expect_out out
  [[ "$err" == err ]] || fail "stderr is '$err'"
  expect_answer 127 "cannot run the command: nosuch: No such file" exec warm -- nosuch
  expect_answer 126 "/etc/passwd: Permission denied" exec warm -- /etc/passwd
  exec_shell 'kill -USR1 $$'
  expect_status 138
  expect_answer 125 "entering working directory /nosuch" exec --workdir /nosuch warm -- true
  expect_answer 124 "ended by --timeout" exec --timeout 3s warm -- sleep 4242
  await "$vm" guest_lacks 4242
  [[ "$(status_of warm 't["sockets"]["opened"] > 8, t["state"]')" == "(True, 'running')" ]] || fail "$(<"$WORK/status.json")"
  end_warm
}

case_exec_carries_bytes_and_holds_no_other_up() {
  start_warm
  head -c 8000000 /dev/urandom >"$WORK/in"
  # One that never reads, and one whose output nobody takes.
  "$MAYFLY" exec warm -- sleep 5151 <"$WORK/in" &
  "$MAYFLY" exec warm -- cat /dev/zero </dev/null | { sleep 5151 & wait; } &
  "$MAYFLY" exec warm -- sh -c 'tee /dev/stderr' <"$WORK/in" >"$WORK/out" 2>"$WORK/err" || fail "status $?"
  cmp "$WORK/in" "$WORK/out" || fail "stdout is not what went in"
  cmp "$WORK/in" "$WORK/err" || fail "stderr is not what went in"
  pkill -KILL sleep
  end_warm
}

case_exec_on_a_terminal() {
  start_warm
  local output
  output="$(python3 "$REPO/ci/system/l1/pty_drive.py" "$MAYFLY" exec warm -- sh -c 'tty; stty size; read -r line; echo "got $line"; exit 5')"
  [[ $? == 5 && "$output" == *"/dev/pts/"*"33 101"*"got typed"* ]] || fail "it prints '$output'"
  end_warm
}

case_exec_signals_go_to_the_command() {
  start_warm
  "$MAYFLY" exec warm -- sh -c 'trap "echo stopped; exit 9" TERM; echo up; while :; do sleep 0.05; done' </dev/null >"$WORK/one" 2>"$WORK/one.err" &
  local client=$!
  await "$client" has_line "$WORK/one" up
  kill -TERM "$client"
  status=0
  wait "$client" || status=$?
  expect_status 9
  has_line "$WORK/one" stopped || fail "it has not heard of the signal"
  # One that does not listen is ended by a second signal, and by the end of its client.
  local how
  for how in "TERM TERM" KILL; do
    "$MAYFLY" exec warm -- sh -c 'trap "echo stays" TERM; echo up; while :; do sleep 0.05; done; : 6161' </dev/null >"$WORK/two" 2>"$WORK/two.err" &
    client=$!
    await "$client" has_line "$WORK/two" up
    kill "-${how%% *}" "$client"
    [[ "$how" == KILL ]] || await "$client" has_line "$WORK/two" stays
    kill "-${how##* }" "$client" 2>/dev/null
    status=0
    wait "$client" || status=$?
    [[ "$status" == 14[37] || "$status" == 137 ]] || fail "status $status after $how"
    await "$vm" guest_lacks 'trap "echo stays" TERM; echo up; while :; do sleep 0.05; done; : 6161'
  done
  end_warm
}

case_exec_again_and_again_and_at_once_leaves_nothing() {
  start_warm
  exec_shell "$COUNT"
  local processes="$out" before i clients=()
  before=(/proc/"$vm"/fd/*)
  for ((i = 0; i < "${CASE_EXECS:-40}"; i++)); do
    "$MAYFLY" exec warm -- sh -c "exit $((i % 100))" </dev/null 2>"$WORK/many.err" && status=0 || status=$?
    [[ "$status" == "$((i % 100))" ]] || fail "call $i ends with $status: $(<"$WORK/many.err")"
  done
  for i in {1..8}; do
    "$MAYFLY" exec warm -- sh -c "cat; exit $i" <<<"line $i" >"$WORK/at_once.$i" &
    clients+=($!)
  done
  for i in {1..8}; do
    wait "${clients[i - 1]}" && status=0 || status=$?
    [[ "$status" == "$i" && "$(<"$WORK/at_once.$i")" == "line $i" ]] || fail "of eight at once, $i ends with $status"
  done
  await "$vm" no_connection_is_open
  ! has_more_files "$vm" "${#before[@]}" || fail "descriptors are left: $(ls -l "/proc/$vm/fd")"
  exec_shell "$COUNT"
  expect_out "$processes"
  exec_shell 'exec sleep 7171 >/dev/null 2>&1 & echo left'
  expect_out left
  guest_has 7171 || fail "what a command left behind is gone"
  end_warm
}
# Processes of the guest that are not its kernel's.
readonly COUNT='n=0; for f in /proc/[0-9]*/cmdline; do read -r words <"$f"; [ -z "$words" ] || n=$((n + 1)); done 2>/dev/null; echo $n'
no_connection_is_open() { [[ "$(status_of warm 't["sockets"]["connections"]')" == 0 ]]; }

case_exec_is_refused_where_it_cannot_be() {
  expect_answer 125 "no VM with the id 'warm' is running" exec warm -- true
  expect_answer 125 "no command given" exec warm
  start_warm --vsock "$WORK/sock"
  expect_answer 0 '' pause warm
  expect_answer 125 "the VM 'warm': the VM is paused; let it go on by mayfly resume" exec warm -- true
  expect_answer 0 '' resume warm
  expect_answer 0 '' exec warm -- true
  [[ "$(kept_python "$REPO/ci/system/l1/vsock_peer.py" refused "$WORK/sock" 1023)" == "b''" ]] ||
    fail "a client of --vsock reaches the agent"
  # The VM ends while a command runs.
  "$MAYFLY" exec warm -- sh -c 'echo up; exec sleep 1000' </dev/null >"$WORK/one" 2>"$WORK/one.err" &
  local client=$!
  await "$client" has_line "$WORK/one" up
  end_warm
  status=0
  wait "$client" || status=$?
  expect_status 125
  [[ "$(<"$WORK/one.err")" == "mayfly: the VM 'warm' has ended, or takes no more commands" ]] || fail "$(<"$WORK/one.err")"
}

case_exec_waits_for_a_vm_that_starts() {
  "$MAYFLY" run --id warm --image "$IMAGE" -- sleep 100000 </dev/null >"$WORK/run.out" 2>"$WORK/run.err" &
  vm=$!
  # shellcheck disable=SC2064
  trap "kill -KILL $vm 2>/dev/null" EXIT
  local folder="${XDG_RUNTIME_DIR:-/run}/mayfly"
  await "$vm" there "$folder/warm.sock"
  expect_answer 0 at-once exec warm -- echo at-once
  end_warm
  # Nothing is to be had of one without a name.
  "$MAYFLY" run --image "$IMAGE" --until-ready </dev/null 2>"$WORK/run.err" || fail "$(<"$WORK/run.err")"
  "$MAYFLY" run --image "$IMAGE" -- sh -c "$WAIT" </dev/null >"$WORK/nameless" 2>"$WORK/run.err" &
  vm=$!
  # shellcheck disable=SC2064
  trap "kill -KILL $vm 2>/dev/null" EXIT
  await "$vm" has_line "$WORK/nameless" up
  local id
  id="$(only_id)"
  expect_answer 125 "nothing in this VM takes commands; start it with --id ID" exec "$id" -- true
  expect_answer 0 '' kill "$id"
  end_vm 137
}
