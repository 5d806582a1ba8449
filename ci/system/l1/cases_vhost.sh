# shellcheck shell=bash disable=SC2154,SC2016
# SPDX-License-Identifier: Apache-2.0
#
# Devices that the host's kernel serves: networks, and sockets that are among its own.

case_net_by_vhost_carries_both_ways_unchanged() {
  carry_both_ways ,vhost=on
  [[ "$(json "$WORK/t.json" "'network' in t")" == False ]] || fail "the timeline has what nobody counted"
}

case_net_by_vhost_is_confined_and_held_by_pause() {
  make_tap net0
  start_confined --net "tap=net0,$NET_GUEST,vhost=on"
  # A thread of vhost is the kernel's own, or since Linux 6.4 one of the process.
  expect_confined mnt ipc uts
  expect_files "$OWN_FILES|.*/${IMAGE##*/}|.*/${WORK##*/}/(console|t.json)|(/dev)?/(net/tun|vhost-net)|anon_inode:\[eventpoll\]"
  expect_pause_to_hold_the_network
  # Of its tap's end the kernel says nothing until it is to go on with it.
  busybox ip link delete net0
  echo still here >&5
  await "$vm" has_line "$WORK/out" 'still here'
  "$MAYFLY" pause "$(only_id)" || fail "it does not pause"
  "$MAYFLY" resume "$(only_id)" || fail "it does not go on"
  await "$vm" has_line "$WORK/err" 'mayfly: net0 of --net is gone; .*'
  end_confined
}

# Pairs of queues by vhost have had packets, and interrupts of their own: nothing is said of them by mayfly.
case_net_queues_by_vhost_carry_streams_of_iperf3_both_ways() { carry_iperf3_streams ,vhost=on; }

# A driver that goes and comes again finds the device as a new one, which the host's kernel serves again: where it refused, mayfly
# would say that the tap is gone. (A workload may not set up an interface, so no packet goes by the second driver.)
case_net_by_vhost_serves_driver_after_driver() {
  make_tap net0
  mayfly_run --net "tap=net0,mac=02:00:00:00:00:07,$NET_GUEST,vhost=on" -- sh -c '
    cd /sys/bus/virtio/drivers/virtio_net && device="$(echo virtio*)"
    for i in 1 2 3; do
      echo "$device" >unbind && ! [ -e /sys/class/net/eth0 ] && echo "$device" >bind && cat /sys/class/net/eth0/address || exit
    done' </dev/null
  expect_status 0
  expect_out $'02:00:00:00:00:07\n02:00:00:00:00:07\n02:00:00:00:00:07'
  [[ -z "$err" ]] || fail "stderr: $err"
}

case_net_by_vhost_refuses_what_it_cannot_do() {
  mayfly_run --net tap=a,vhost=on,rx-rate=1M -- true </dev/null
  expect_status 125
  expect_err_has "the host's kernel keeps no limits"
  mayfly_run --net user,vhost=on -- true </dev/null
  expect_status 125
  expect_err_has "vhost is for a tap"
  make_tap net0
  trap 'mv /dev/vhost-net.away /dev/vhost-net' EXIT
  mv /dev/vhost-net /dev/vhost-net.away
  mayfly_run --net tap=net0,vhost=on -- true </dev/null
  expect_status 125
  expect_err_has "--net: vhost=on: cannot open /dev/vhost-net; as root: modprobe vhost_net, or do without"
}

# Sends what it gets back to who sent it, from the address CID; the first who comes is the only one.
readonly VHOST_ECHO='
import socket, sys
server = socket.socket(socket.AF_VSOCK)
server.bind((socket.VMADDR_CID_ANY, 7000))
server.listen()
open(sys.argv[1], "w").close()
stream, (cid, _) = server.accept()
while piece := stream.recv(1 << 16):
    stream.sendall(piece)
print(cid)'

# Of a VM with the address 52, whose workload is VSOCK_ECHO: what came back is what was sent, to the port 5000 of the guest.
readonly VHOST_CLIENT='
import os, socket, threading
stream = socket.socket(socket.AF_VSOCK)
stream.connect((52, 5000))
sent = os.urandom(4 << 20)
def send():
    stream.sendall(sent)
    stream.shutdown(socket.SHUT_WR)
threading.Thread(target=send).start()
print(b"".join(iter(lambda: stream.recv(1 << 16), b"")) == sent)'

case_vsock_by_vhost_comes_to_the_host() {
  python3 -c "$VHOST_ECHO" "$WORK/listening" >"$WORK/server" 2>&1 &
  local server=$!
  await "$server" there "$WORK/listening"
  mayfly_run --vsock vhost,cid=52 -- python3 -c "$VSOCK_CLIENT" </dev/null
  expect_status 0
  [[ "$out" == True\ *\ 52 ]] || fail "the guest says: $out $err"
  wait "$server" || fail "the server failed: $(<"$WORK/server")"
  [[ "$(<"$WORK/server")" == 52 ]] || fail "the guest came as $(<"$WORK/server")"
}

case_vsock_by_vhost_is_reached_and_held_by_pause() {
  start_vm sockets 'exec python3 -c "$PROGRAM"' --env "PROGRAM=$VSOCK_ECHO" --vsock vhost,cid=52
  [[ "$(python3 -c "$VHOST_CLIENT")" == True ]] || fail "what came back is not what was sent"
  "$MAYFLY" pause sockets || fail "it does not pause"
  python3 -c "$VHOST_CLIENT" >"$WORK/client" &
  local client=$!
  sleep 2
  [[ ! -s "$WORK/client" ]] || fail "the guest answers while it is paused"
  "$MAYFLY" resume sockets || fail "it does not go on"
  wait "$client" || fail "the client failed"
  [[ "$(<"$WORK/client")" == True ]] || fail "what came back after the pause is not what was sent"
  expect_answer 125 "and not with --vsock vhost" exec sockets -- true
  mayfly_run --vsock vhost,cid=52 -- true </dev/null
  expect_status 125
  expect_err_has "--vsock vhost: another guest of this host has the address cid=52"
  "$MAYFLY" kill sockets || fail "it is not killed"
  end_vm 137
}
