# shellcheck shell=bash disable=SC2154,SC2016
# SPDX-License-Identifier: Apache-2.0
#
# Guests with disks: what goes to and from a file of the host, and what becomes of the guest when the file does not do its part.

# make_disk NAME BYTES: of random bytes, in $WORK.
make_disk() { head -c "$2" /dev/urandom >"$WORK/$1"; }

# Says the digest of what the first disk holds, writes something else all over it and says that digest; the second cannot be written.
readonly DISK_BOTH_WAYS='
import hashlib, os
disk = os.open("/dev/vda", os.O_RDWR)
size = os.lseek(disk, 0, os.SEEK_END)
held = b"".join(os.pread(disk, 1 << 18, at) for at in range(0, size, 1 << 18))
fresh = os.urandom(size)
for at in range(0, size, 3 << 16):
    os.pwrite(disk, fresh[at : at + (3 << 16)], at)
os.fsync(disk)
print(len(held), hashlib.sha256(held).hexdigest(), hashlib.sha256(fresh).hexdigest())
print(open("/sys/block/vda/serial").read(), open("/sys/block/vdb/ro").read().strip())
try:
    second = os.open("/dev/vdb", os.O_RDWR)
    os.pwrite(second, bytes(512), 0)
    os.fsync(second)
    print("written")
except OSError as error:
    print(error.errno in (1, 13, 30))
print(hashlib.sha256(open("/dev/vdb", "rb").read()).hexdigest())'

digest_of() { sha256sum "$1" | cut -d ' ' -f 1; }

case_disk_carries_both_ways_unchanged() {
  make_disk first $((6 << 20))
  make_disk second 512
  local first second
  first="$(digest_of "$WORK/first")"
  second="$(digest_of "$WORK/second")"
  mayfly_run --disk "$WORK/first,serial=number-1" --disk "$WORK/second,readonly" --timeline "$WORK/t.json" \
    -- python3 -c "$DISK_BOTH_WAYS" </dev/null
  expect_status 0
  expect_out "$((6 << 20)) $first $(digest_of "$WORK/first")"$'\n'"number-1 1"$'\n'"True"$'\n'"$second"
  [[ "$(digest_of "$WORK/first")" != "$first" ]] || fail "nothing was written"
  [[ "$(digest_of "$WORK/second")" == "$second" ]] || fail "the one that is only read was written"
  [[ "$(json "$WORK/t.json" 't["disks"]["flushes"] > 0 and t["disks"]["written_bytes"] >= 6 << 20')" == True ]] ||
    fail "the timeline has not counted it"
}

case_disk_is_mounted_and_clean_afterwards() {
  truncate -s 16M "$WORK/disk"
  mke2fs -q -t ext4 "$WORK/disk" || fail "mke2fs fails"
  # Somebody has a file open at the end.
  mayfly_run --disk "$WORK/disk,mount=/data" \
    -- sh -c 'sleep 1000 >/data/open 2>&1 & echo first >/data/kept; grep " /data " /proc/mounts | cut -d " " -f 1-3' </dev/null
  expect_status 0
  expect_out "/dev/vda /data ext4"
  e2fsck -fn "$WORK/disk" >"$WORK/e2fsck" 2>&1 || fail "the file system is not clean: $(<"$WORK/e2fsck")"
  ! grep -q 'recovering journal' "$WORK/e2fsck" || fail "it was not unmounted"
  mayfly_run --disk "$WORK/disk,readonly,mount=/data" -- sh -c 'cat /data/kept; (echo more >/data/kept) 2>/dev/null || echo refused' </dev/null
  expect_status 0
  expect_out $'first\nrefused'
  make_disk noise 65536
  mayfly_run --disk "$WORK/noise,mount=/data" -- true </dev/null
  expect_status 125
  expect_err_has "mounting /data from /dev/vda"
}

# Reads past the cache, ten times a second, and says how that went.
readonly DISK_READS='
import mmap, os, sys, time
disk = os.open("/dev/vda", os.O_RDONLY | os.O_DIRECT)
buffer = mmap.mmap(-1, 4096)
print("up", flush=True)
while True:
    try:
        os.preadv(disk, [buffer], int(sys.argv[1]))
        print("read", flush=True)
    except OSError as error:
        print("error", error.errno, flush=True)
    time.sleep(0.1)'

# start_reader ID OFFSET OPTION...: a VM whose workload is DISK_READS, of the disk $WORK/disk.
start_reader() {
  local id="$1" offset="$2"
  shift 2
  start_vm "$id" "exec python3 -c \"\$PROGRAM\" $offset" --env "PROGRAM=$DISK_READS" --disk "$WORK/disk" "$@"
}

case_disk_that_was_cut_off_is_an_error_of_the_guest() {
  make_disk disk $((1 << 20))
  start_reader cut $((512 << 10))
  await "$vm" has_line "$WORK/cut.out" read
  truncate -s 256K "$WORK/disk"
  await "$vm" has_line "$WORK/cut.out" 'error 5'
  await "$vm" has_line "$WORK/cut.err" "mayfly: disk $WORK/disk: Input/output error; .*"
  [[ "$(status_of cut 't["disks"]["read_errors"] > 0 and t["disks"]["reads"] > t["disks"]["read_errors"]')" == True ]] ||
    fail "the status has not counted it: $(<"$WORK/status.json")"
  [[ "$(stat -c %s "$WORK/disk")" == $((256 << 10)) ]] || fail "the file has grown again"
  expect_answer 0 '' kill cut
  end_vm 137
}

case_disk_threads_are_confined_and_held_by_pause() {
  make_disk disk $((1 << 20))
  start_reader disk 0 --cpus 2
  await "$vm" has_line "$WORK/disk.out" read
  # main, two vCPUs, stdout, I/O, two of the disk, the control socket's
  "$MAYFLY" status disk >/dev/null || fail "it does not say its status"
  expect_confined mnt ipc uts
  ((seen >= 8)) || fail "only $seen threads"
  # I/O and those of the disk have begun before main has a filter, and have their own alone, as main has.
  local filters
  filters="$(cat /proc/"$vm"/task/*/status | sed -n 's/^Seccomp_filters:.//p' | sort | tr '\n' ' ')"
  [[ "$filters" =~ ^1\ 1\ 1\ 1\ 2 ]] || fail "threads without a filter of their own: $filters"
  expect_files "$OWN_FILES|.*/${IMAGE##*/}|.*/${WORK##*/}/disk|pipe:.*|anon_inode:\[(eventpoll|timerfd)\]"
  "$MAYFLY" pause disk || fail "it does not pause"
  local before
  before="$(status_of disk 't["disks"]["reads"]')"
  sleep 1
  [[ "$(status_of disk 't["disks"]["reads"]')" == "$before" ]] || fail "the disk is read while its guest is paused"
  "$MAYFLY" resume disk || fail "it does not go on"
  local lines
  lines="$(grep -c read "$WORK/disk.out")"
  await "$vm" has_lines "$WORK/disk.out" $((lines + 2)) read
  expect_answer 0 '' kill disk
  end_vm 137
}

case_disk_is_one_writers_or_all_readers() {
  make_disk disk $((1 << 20))
  start_reader writer 0
  for how in "" ,readonly; do
    mayfly_run --disk "$WORK/disk$how" -- true </dev/null
    expect_status 125
    expect_err_has "disk $WORK/disk is in use by another process; one that writes it has it to itself"
  done
  expect_answer 0 '' kill writer
  end_vm 137
  mayfly_run --disk "$WORK/disk,readonly" --disk "$WORK/disk,readonly" -- sh -c 'cmp /dev/vda /dev/vdb && echo same' </dev/null
  expect_status 0
  expect_out same
}

case_disk_refuses_what_is_none() {
  mayfly_run --disk "$WORK/none" -- true </dev/null
  expect_status 125
  expect_err_has "cannot open disk $WORK/none: No such file or directory"
  [[ ! -e "$WORK/none" ]] || fail "it was made"
  make_disk odd 1000
  mayfly_run --disk "$WORK/odd" -- true </dev/null
  expect_status 125
  expect_err_has "disk $WORK/odd has 1000 bytes; a disk has a multiple of 512"
  mayfly_run --disk /dev/null -- true </dev/null
  expect_status 125
  expect_err_has "neither a regular file nor a block device"
  mayfly_run --disk "$WORK/odd,ro" -- true </dev/null
  expect_status 125
  expect_err_has "after the file there may be readonly, direct, serial=NAME, mount=PATH and fs=ext4|erofs"
}

# Reads 2 MiB past the cache; says their digest, and whether that took as long as the limit says: all but the bucket and the last request.
readonly DISK_HELD='
import hashlib, mmap, os, time
disk = os.open("/dev/vda", os.O_RDONLY | os.O_DIRECT)
buffer = mmap.mmap(-1, 1 << 17)
digest = hashlib.sha256()
begin = time.monotonic()
for at in range(0, 1 << 21, 1 << 17):
    os.preadv(disk, [buffer], at)
    digest.update(buffer)
print(digest.hexdigest(), time.monotonic() - begin > (2 - 1 / 8 - 1 / 16) * 4 - 0.1)'

case_disk_is_held_by_its_limit() {
  make_disk disk $((2 << 20))
  mayfly_run --disk "$WORK/disk,rate=256K/64K" --timeline "$WORK/t.json" -- python3 -c "$DISK_HELD" </dev/null
  expect_status 0
  expect_out "$(digest_of "$WORK/disk") True"
  [[ "$(json "$WORK/t.json" 't["disks"]["holds"] > 0 and t["disks"]["held_ns"] > 0')" == True ]] || fail "the timeline has not counted it"
  mayfly_run --disk "$WORK/disk,iops=0" -- true </dev/null
  expect_status 125
  expect_err_has "iops is how many a second and, after a slash, at once, such as 500 or 500/50; leave it out for no limit"
}

disk_is_held() { [[ "$(status_of "$1" 't["disks"]["holds"] > 0')" == True ]]; }

# What it owes lasts for longer than a case may.
case_disk_that_is_held_keeps_nothing_waiting() {
  make_disk disk $((4 << 20))
  start_vm held 'echo up; exec dd if=/dev/vda of=/dev/null bs=1M iflag=direct' --disk "$WORK/disk,rate=1K/1M"
  await "$vm" has_line "$WORK/held.out" up
  await "$vm" disk_is_held held
  "$MAYFLY" pause held || fail "it does not pause"
  "$MAYFLY" resume held || fail "it does not go on"
  grep -q '^mayfly_vm_disks_held_seconds_total{id="held"} ' <("$MAYFLY" metrics held) || fail "the metrics have not got it"
  expect_answer 0 '' kill held
  end_vm 137
}
