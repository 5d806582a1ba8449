# shellcheck shell=bash disable=SC2154,SC2016
# SPDX-License-Identifier: Apache-2.0
#
# Guests with a network device: what goes through a tap, and what becomes of the guest when the tap goes.

# make_tap NAME: with an address of this host, 10.77.0.1/24; in place of an earlier case's.
make_tap() {
  [[ ! -e "/sys/class/net/$1" ]] || busybox ip link delete "$1"
  { busybox tunctl -t "$1" && busybox ip address add 10.77.0.1/24 dev "$1" && busybox ip link set "$1" up; } >&2 ||
    fail "cannot make a tap"
}

# make_queued_tap NAME: as make_tap, but one that takes several queues, by the words that mayfly says where one does not.
make_queued_tap() {
  [[ ! -e "/sys/class/net/$1" ]] || ip link delete "$1"
  { ip tuntap add dev "$1" mode tap multi_queue user root && ip address add 10.77.0.1/24 dev "$1" && ip link set "$1" up; } >&2 ||
    fail "cannot make a tap with several queues"
}

# Of the only VM: its guest answers, and does not while it is paused.
expect_pause_to_hold_the_network() {
  local id
  id="$(only_id)"
  busybox ping -c 1 -W 30 10.77.0.2 >/dev/null || fail "the guest does not answer"
  "$MAYFLY" pause "$id" || fail "it does not pause"
  ! busybox ping -c 1 -W 2 10.77.0.2 >/dev/null || fail "it answers while it is paused"
  "$MAYFLY" resume "$id" || fail "it does not go on"
  busybox ping -c 1 -W 30 10.77.0.2 >/dev/null || fail "the guest does not answer after a pause"
}

# Of $vm, whose tap is net0.
expect_to_outlive_the_tap() {
  busybox ip link delete net0
  await "$vm" has_line "$WORK/err" 'mayfly: net0 of --net is gone; .*'
  echo still here >&5
  await "$vm" has_line "$WORK/out" 'still here'
}

readonly NET_GUEST="ip=10.77.0.2/24,gateway=10.77.0.1"

# Sends what it is sent back, from memory, and says its digest.
readonly NET_SERVER='
import hashlib, os, socket, sys
server = socket.create_server(("10.77.0.1", 7000))
open(sys.argv[1], "w").close()
stream = server.accept()[0]
sent = os.urandom(1 << 20)
stream.sendall(sent)
stream.shutdown(socket.SHUT_WR)
back = b"".join(iter(lambda: stream.recv(1 << 16), b""))
print(hashlib.sha256(sent).hexdigest(), back == sent)'

readonly NET_CLIENT='
import hashlib, socket
stream = socket.create_connection(("10.77.0.1", 7000), 60)
got = b"".join(iter(lambda: stream.recv(1 << 16), b""))
stream.sendall(got)
# Until all is sent: the end of the guest would take with it what still waits.
stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, (1).to_bytes(4, "little") + (100).to_bytes(4, "little"))
stream.close()
print(hashlib.sha256(got).hexdigest(), open("/etc/resolv.conf").read().split())'

# carry_both_ways SETTINGS: of the network device net0 beside its address; what the guest gets and sends is whole.
carry_both_ways() {
  make_tap net0
  python3 -c "$NET_SERVER" "$WORK/listening" >"$WORK/server" 2>"$WORK/server.err" &
  local server=$!
  await "$server" there "$WORK/listening"
  mayfly_run --net "tap=net0,$NET_GUEST,dns=10.77.0.1,dns=9.9.9.9$1" --timeline "$WORK/t.json" -- python3 -c "$NET_CLIENT" </dev/null
  expect_status 0
  wait "$server" || fail "the server failed: $(<"$WORK/server.err")"
  local said
  said="$(<"$WORK/server")"
  [[ "$said" == *' True' ]] || fail "what came back is not what was sent: $said"
  expect_out "${said% *} ['nameserver', '10.77.0.1', 'nameserver', '9.9.9.9']"
}

case_net_carries_both_ways_unchanged() {
  carry_both_ways ''
  [[ "$(json "$WORK/t.json" "t['network']['received_bytes'] > 2**20 and t['network']['sent_bytes'] > 2**20")" == True ]] ||
    fail "the timeline has not counted it"
}

case_net_thread_is_confined_and_held_by_pause() {
  make_tap net0
  # Without a name it has no sockets: what the thread may do is for the tap alone.
  start_confined --net "tap=net0,$NET_GUEST"
  # main, two vCPUs, stdin, stdout, stderr, console, I/O
  expect_confined mnt ipc uts
  ((seen >= 8)) || fail "only $seen threads"
  expect_files "$OWN_FILES|.*/${IMAGE##*/}|.*/${WORK##*/}/(console|t.json)|(/dev)?/net/tun|anon_inode:\[eventpoll\]"
  expect_pause_to_hold_the_network
  end_confined
}

case_net_outlives_its_tap() {
  make_tap net0
  start_confined --net "tap=net0,$NET_GUEST"
  expect_to_outlive_the_tap
  end_confined
}

case_net_link_is_down_without_its_tap() {
  make_tap net0
  (await $$ has_line "$WORK/out" 1 && busybox ip link delete net0) &
  mayfly_run --net tap=net0 -- sh -c 'cd /sys/class/net/eth0; cat carrier; while [ "$(cat carrier)" = 1 ]; do sleep 0.1; done; cat carrier' </dev/null
  expect_status 0
  expect_out $'1\n0'
}

case_net_refuses_what_is_no_tap() {
  mayfly_run --net tap=nowhere -- true </dev/null
  expect_status 125
  expect_err_has "the host has no interface 'nowhere'; as root: ip tuntap add dev nowhere mode tap user"
  mayfly_run --net tap=lo -- true </dev/null
  expect_status 125
  expect_err_has "'lo' is not a tap"
  mayfly_run --net fd=9 -- true 9<"$IMAGE" </dev/null
  expect_status 125
  expect_err_has "descriptor 9 is not joined to a tap"
  mayfly_run --net tap=a,ip=10.0.0.2 -- true </dev/null
  expect_status 125
  expect_err_has "--net 'tap=a,ip=10.0.0.2': ip is an address and the bits of its network"
}

# All but the bucket and the longest packet, of each direction after the other.
case_net_is_held_by_its_limits() {
  make_tap net0
  local timed="${NET_SERVER/'accept()[0]'/'accept()[0]; import time; begin = time.monotonic()'}"
  python3 -c "$timed"$'\nprint(time.monotonic() - begin > 2 * (1024 - 16 - 64) / 256 - 0.1)' "$WORK/listening" >"$WORK/server" 2>"$WORK/server.err" &
  local server=$!
  await "$server" there "$WORK/listening"
  mayfly_run --net "tap=net0,$NET_GUEST,dns=10.77.0.1,rx-rate=256K/16K,tx-rate=256K/16K" --timeline "$WORK/t.json" -- python3 -c "$NET_CLIENT" </dev/null
  expect_status 0
  wait "$server" || fail "the server failed: $(<"$WORK/server.err")"
  [[ "$(<"$WORK/server")" == *' True'$'\n'True ]] || fail "what came back is not what was sent, or came too early: $(<"$WORK/server")"
  [[ "$(json "$WORK/t.json" "t['network']['send_holds'] > 0 and t['network']['receive_holds'] > 0")" == True ]] ||
    fail "the timeline has not counted it"
}
