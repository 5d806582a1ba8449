# shellcheck shell=bash disable=SC2154,SC2016
# SPDX-License-Identifier: Apache-2.0
#
# Load of others' making: iperf3 over a network device with several queues, and fio that verifies what it has written to a disk.

readonly TRAFFIC_IMAGE="$REPO/build/demo/traffic.img"

# queues_are NAME COUNT: so many queues of the tap are attached.
queues_are() { (($(find "/sys/class/net/$1/queues" -maxdepth 1 -name 'tx-*' | wc -l) == $2)); }

# A client on each CPU, so that each has a pair of queues of its own, with two streams out, then with two in. What is in
# the sockets' buffers when a client ends goes with it. At the end: how many clients said what was received, and of how many pairs
# both queues have had interrupts.
readonly IPERF_CLIENTS='
for cpu in 0 1 2 3; do
  { for way in "" -R; do
      taskset -c $cpu iperf3 -c 10.77.0.1 -p 520$cpu -P 2 -n 1M -w 64K $way >>/tmp/said.$cpu 2>&1 || exit
    done; } &
done
wait
cat /tmp/said.* | grep -c "SUM.*receiver"
awk "{ n = 0; for (i = 2; i <= 5; i++) n += \$i; name = \$NF } name ~ /-(in|out)put/ && n > 0 { sub(/.*put./, \"\", name); had[name]++ }
  END { for (name in had) pairs += had[name] == 2; print pairs + 0 }" /proc/interrupts
cat /tmp/said.* >&2'

# carry_iperf3_streams SETTINGS: of the network device net0, which has four queues.
carry_iperf3_streams() {
  make_queued_tap net0
  local port
  local -a servers=()
  for port in 5200 5201 5202 5203; do
    iperf3 --server --bind 10.77.0.1 --port "$port" --forceflush >"$WORK/server.$port" 2>&1 &
    servers+=($!)
    await $! has_line "$WORK/server.$port" 'Server listening.*'
  done
  # shellcheck disable=SC2064  # the numbers as they are now
  trap "kill ${servers[*]}" EXIT
  IMAGE="$TRAFFIC_IMAGE" CASE_SECONDS=600 mayfly_run --cpus 4 --net "tap=net0,queues=4,$NET_GUEST$1" --timeline "$WORK/t.json" \
    -- sh -c "$IPERF_CLIENTS" </dev/null
  expect_status 0
  expect_out $'8\n4'
}

case_net_queues_carry_streams_of_iperf3_both_ways() {
  carry_iperf3_streams ''
  [[ "$(json "$WORK/t.json" "t['network']['received_bytes'] > 2**21 and t['network']['sent_bytes'] > 2**21")" == True ]] ||
    fail "the timeline has counted $(json "$WORK/t.json" "t['network']"): $err"
}

# Of a guest that has fewer CPUs than there are queues.
case_net_queues_have_threads_that_are_confined_and_held_by_pause() {
  make_queued_tap net0
  start_confined --net "tap=net0,queues=4,$NET_GUEST"
  # main, two vCPUs, stdin, stdout, stderr, console, I/O, and three more for queues
  expect_confined mnt ipc uts
  ((seen >= 11)) || fail "only $seen threads"
  local filters
  filters="$(cat /proc/"$vm"/task/*/status | sed -n 's/^Seccomp_filters:.//p' | sort | tr '\n' ' ')"
  [[ "$filters" =~ ^1\ 1\ 1\ 1\ 1\ 2 ]] || fail "threads without a filter of their own: $filters"
  await "$vm" queues_are net0 2
  expect_pause_to_hold_the_network
  expect_to_outlive_the_tap
  end_confined
}

case_net_queues_are_of_a_tap_that_has_them() {
  make_tap net0
  mayfly_run --net tap=net0,queues=2 -- true </dev/null
  expect_status 125
  expect_err_has "the tap 'net0' has one queue; as root: ip link delete net0 && ip tuntap add dev net0 mode tap multi_queue user"
  mayfly_run --net user,queues=2 -- true </dev/null
  expect_status 125
  expect_err_has "queues is for a tap; user has one"
}

# Each job has a part of the disk. Between two blocks that it writes the last one flushes, at times. What is
# in the guest's cache stays there (invalidate): a workload may not drop it.
readonly FIO_JOBS='
[global]
filename=/dev/vda
size=4M
rw=randwrite
bs=4k
verify=crc32c
verify_fatal=1
randrepeat=1
invalidate=0
[libaio-direct]
ioengine=libaio
iodepth=16
direct=1
offset=0
[io_uring-direct]
stonewall
ioengine=io_uring
iodepth=16
direct=1
offset=4M
[psync-flushed]
stonewall
ioengine=psync
fsync=64
end_fsync=1
offset=8M'

# A VM writes, and verifies; another one verifies what the first has left, and is told of a bit that is not as it was.
case_disk_holds_what_fio_verifies() {
  truncate -s 12M "$WORK/disk"
  export IMAGE="$TRAFFIC_IMAGE" CASE_SECONDS=600
  local fio='printf "%s\n" "$JOBS" >/tmp/jobs && exec fio --output-format=terse --terse-version=3'
  mayfly_run --cpus 2 --env "JOBS=$FIO_JOBS" --disk "$WORK/disk" --timeline "$WORK/t.json" -- sh -c "$fio --do_verify=1 /tmp/jobs" </dev/null
  expect_status 0
  [[ "$(cut -d ';' -f 3,5 <<<"$out")" == $'libaio-direct;0\nio_uring-direct;0\npsync-flushed;0' ]] || fail "fio says: $out $err"
  [[ "$(json "$WORK/t.json" 't["disks"]["flushes"] > 8 and t["disks"]["written_bytes"] >= 12 << 20 and t["disks"]["read_bytes"] >= 8 << 20')" == True ]] ||
    fail "the timeline has not counted it"
  mayfly_run --env "JOBS=$FIO_JOBS" --disk "$WORK/disk" -- sh -c "$fio --verify_only /tmp/jobs" </dev/null
  expect_status 0
  printf '\xa5' | dd of="$WORK/disk" bs=1 seek=$((5 << 20 | 1000)) conv=notrunc status=none
  mayfly_run --env "JOBS=$FIO_JOBS" --disk "$WORK/disk" -- sh -c "$fio --verify_only /tmp/jobs" </dev/null
  [[ "$status" != 0 && "$err$out" == *"verify"* ]] || fail "fio has not seen a byte that is another one: $status, $out $err"
}
