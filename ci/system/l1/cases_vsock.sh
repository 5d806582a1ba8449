# shellcheck shell=bash disable=SC2154,SC2016
# SPDX-License-Identifier: Apache-2.0
#
# Guests with sockets to the host: clients of the host come to a port of the guest, the guest to a port of the host.

# Sends each client back what it sends, many at a time; says `up` when it listens, on port 5000.
readonly VSOCK_ECHO='
import socket, threading
server = socket.socket(socket.AF_VSOCK)
server.bind((socket.VMADDR_CID_ANY, 5000))
server.listen(8)
print("up", flush=True)
def serve(stream):
    while piece := stream.recv(1 << 16):
        stream.sendall(piece)
    stream.close()
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()'

# Sends the host 4 MiB, to its port 7000, and says whether the same came back, with its digest and its own address.
readonly VSOCK_CLIENT='
import fcntl, hashlib, os, socket, struct, threading
cid = fcntl.ioctl(open("/dev/vsock", "rb"), socket.IOCTL_VM_SOCKETS_GET_LOCAL_CID, bytes(4))
stream = socket.socket(socket.AF_VSOCK)
stream.connect((socket.VMADDR_CID_HOST, 7000))
sent = os.urandom(4 << 20)
def send():
    stream.sendall(sent)
    stream.shutdown(socket.SHUT_WR)
sender = threading.Thread(target=send)
sender.start()
back = b"".join(iter(lambda: stream.recv(1 << 16), b""))
sender.join()
print(back == sent, hashlib.sha256(sent).hexdigest(), *struct.unpack("I", cid))'

# Says how connecting to a port of the host fails where nobody listens.
readonly VSOCK_REFUSED='
import socket
stream = socket.socket(socket.AF_VSOCK)
try:
    stream.connect((socket.VMADDR_CID_HOST, 7001))
    print("connected")
except OSError as error:
    print(type(error).__name__)'

vsock_peer() { kept_python "$REPO/ci/system/l1/vsock_peer.py" "$@"; }

# start_echo ID SETTINGS...: a VM with sockets at $WORK/sock, with these settings, whose workload is VSOCK_ECHO.
start_echo() {
  local id="$1" settings=""
  shift
  [[ $# -eq 0 ]] || settings="$(printf ',%s' "$@")"
  start_vm "$id" 'exec python3 -c "$PROGRAM"' --env "PROGRAM=$VSOCK_ECHO" --vsock "$WORK/sock$settings"
}

case_vsock_clients_reach_the_guest_and_hold_nobody_up() {
  start_echo echo
  [[ "$(stat -c %a "$WORK/sock")" == 600 ]] || fail "its socket is for others too"
  [[ "$(vsock_peer echo "$WORK/sock" 5000 $((4 << 20)))" == "True $((4 << 20))" ]] || fail "what came back is not what was sent"
  [[ "$(vsock_peer refused "$WORK/sock" 5001)" == "b''" ]] || fail "a port on which nobody listens answers"
  # With two clients that never read what they are sent.
  [[ "$(vsock_peer echo "$WORK/sock" 5000 $((1 << 20)) 2)" == "True $((1 << 20))" ]] || fail "one is held up by others"
  [[ "$(status_of echo 't["sockets"]["opened"] >= 4 and t["sockets"]["bytes_to_guest"] > 5 << 20')" == True ]] ||
    fail "the status has not counted it: $(<"$WORK/status.json")"
  expect_answer 0 '' kill echo
  end_vm 137
  [[ ! -e "$WORK/sock" ]] || fail "its socket is still there"
}

# All but the bucket and the longest packet, in each direction.
case_vsock_is_held_by_its_limits() {
  start_echo held rx-rate=256K/16K tx-rate=256K/16K
  local begin=$EPOCHREALTIME
  [[ "$(vsock_peer echo "$WORK/sock" 5000 $((1 << 20)))" == "True $((1 << 20))" ]] || fail "what came back is not what was sent"
  (((${EPOCHREALTIME/./} - ${begin/./}) * 256 >= (1024 - 16 - 64) * 1000000)) || fail "it came too early"
  [[ "$(status_of held 't["sockets"]["send_holds"] > 0 and t["sockets"]["receive_holds"] > 0')" == True ]] ||
    fail "the status has not counted it: $(<"$WORK/status.json")"
  expect_answer 0 '' kill held
  end_vm 137
}

case_vsock_guest_reaches_the_host() {
  vsock_peer serve "$WORK/sock" 7000 >"$WORK/served" &
  local server=$!
  await "$server" there "$WORK/sock_7000"
  mayfly_run --vsock "$WORK/sock,cid=77" --timeline "$WORK/t.json" -- python3 -c "$VSOCK_CLIENT" </dev/null
  expect_status 0
  wait "$server" || fail "the server failed: $(<"$WORK/served")"
  expect_out "True $(<"$WORK/served") 77"
  [[ "$(json "$WORK/t.json" 't["sockets"]["bytes_to_host"], t["sockets"]["bytes_to_guest"], t["sockets"]["violations"]')" == "(4194304, 4194304, 0)" ]] ||
    fail "the timeline has not counted it"
  [[ ! -e "$WORK/sock" ]] || fail "its socket is still there"
  mayfly_run --vsock "$WORK/sock" -- python3 -c "$VSOCK_REFUSED" </dev/null
  expect_status 0
  expect_out ConnectionResetError
}

case_vsock_killed_vm_leaves_no_socket() {
  start_echo first
  kill -KILL "$vm"
  end_vm 137
  await $$ gone "$WORK/sock"
  # One that nobody could remove does not block the next.
  python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$WORK/sock"
  start_echo second
  [[ "$(vsock_peer echo "$WORK/sock" 5000 10)" == "True 10" ]] || fail "the second is not reached"
  mayfly_run --vsock "$WORK/sock" -- true </dev/null
  expect_status 125
  expect_err_has "$WORK/sock is in use"
  expect_answer 0 '' kill second
  end_vm 137
}

case_vsock_threads_and_process_are_confined() {
  start_confined --id confined --vsock "$WORK/sock"
  local main="$vm"
  # main, two vCPUs, stdin, stdout, stderr, console, I/O
  expect_confined mnt ipc uts
  ((seen >= 8)) || fail "only $seen threads"
  expect_files "$OWN_FILES|.*/${IMAGE##*/}|.*/${WORK##*/}/(console|t.json)|anon_inode:\[(eventpoll|timerfd|pidfd)\]|pidfd:.*"
  # The one that connects for the guest.
  local connector
  connector="$(pgrep -P "$main" -x mayfly-connect)" || fail "nobody connects for the guest"
  local vm="$connector"
  expect_confined
  expect_files 'socket:.*'
  # It outlives what ends a job.
  kill -INT "$connector" && kill -TERM "$connector" && kill -HUP "$connector"
  [[ -d "/proc/$connector" ]] || fail "it ends by a signal that is not for it"
  "$MAYFLY" pause confined || fail "it does not pause"
  "$MAYFLY" resume confined || fail "it does not go on"
  vm="$main"
  end_confined
  [[ ! -e "$WORK/sock" ]] || fail "its socket is still there"
}

case_vsock_refuses_what_it_cannot_have() {
  mayfly_run --vsock "$WORK/sock,cid=2" -- true </dev/null
  expect_status 125
  expect_err_has "cid is the guest's address, a number from 3 to 4294967294"
  mayfly_run --vsock "$IMAGE" -- true </dev/null
  expect_status 125
  expect_err_has "exists and is no socket; name another path"
  mayfly_run --vsock "$WORK/$(printf 'a%.0s' {1..96})" -- true </dev/null
  expect_status 125
  expect_err_has "characters; it may have 96"
}
