# shellcheck shell=bash disable=SC2154,SC2016
# SPDX-License-Identifier: Apache-2.0
#
# Network devices whose packets the host's kernel moves.

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
  expect_err_has "--net: vhost=on: cannot open /dev/vhost-net; as root: modprobe vhost_net, or leave vhost=on out"
}
