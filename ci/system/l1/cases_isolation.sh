# shellcheck shell=bash disable=SC2154,SC2016
# SPDX-License-Identifier: Apache-2.0
#
# What a running mayfly has given up, as the host sees it in /proc; host/THREAT-MODEL.md names these cases.

# shellcheck source=ci/system/l1/confined.sh
source "$REPO/ci/system/l1/confined.sh"

# Keeps all of its threads busy or waiting: stdin stays open, both outputs and the console are written.
readonly WRITE_BOTH='echo up; echo up >&2; echo up >/dev/hvc0; while read -r line; do echo "$line"; done'

# start_confined OPTION...: a VM of two CPUs that runs until its stdin, descriptor 5, ends; as $vm. $AS goes before mayfly.
start_confined() {
  mkfifo "$WORK/stdin"
  ${AS:-} "${MAYFLY_HERE:-$MAYFLY}" run --image "$IMAGE" --cpus 2 --console "$WORK/console" --timeline "$WORK/t.json" "$@" \
    -- sh -c "$WRITE_BOTH" <"$WORK/stdin" >"$WORK/out" 2>"$WORK/err" &
  vm=$!
  exec 5>"$WORK/stdin"
  # shellcheck disable=SC2064  # the number as it is now
  trap "kill -KILL $vm" EXIT
  await "$vm" has_line "$WORK/out" up
  await "$vm" has_line "$WORK/err" up
}

# end_confined: the guest ends by itself, with all that it has to do at the end.
end_confined() {
  exec 5>&-
  trap - EXIT
  local status=0
  wait "$vm" || status=$?
  [[ "$status" == 0 ]] || fail "exit status $status at the end: $(<"$WORK/err")"
}

# expect_files REGEX: what $vm has open beyond stdio is like that. Paths are those of mounts that it no longer has.
expect_files() {
  local each target
  for each in /proc/"$vm"/fd/*; do
    target="$(readlink "$each")"
    ((${each##*/} <= 2)) || [[ "$target" =~ ^($1)$ ]] || fail "${each##*/} is open: $target"
  done
}

readonly OWN_FILES="(/dev)?/kvm|anon_inode:(kvm-vm|kvm-vcpu:[01]|\[signalfd\]|\[eventfd\]|kvm-vm-stats|kvm-vcpu-stats:[01])|/memfd:mayfly-ram.*|socket:.*|(/run)?/mayfly"

case_isolation_of_every_thread() {
  start_confined --id confined
  "$MAYFLY" status confined >/dev/null || fail "it does not say its status"
  # main, I/O, two vCPUs, the control socket's, stdin, stdout, stderr, console
  expect_confined mnt ipc uts net
  ((seen >= 9)) || fail "only $seen threads"
  # Each has its own filter on top of those of who started it: main and I/O, which main starts before it has one, two vCPUs and the
  # control socket's, which main starts, the four of stdio and console, which vCPUs start. So they do a thread of KVM's, where it has one.
  local filters
  filters="$(cat /proc/"$vm"/task/*/status | sed -n 's/^Seccomp_filters:.//p' | sort | tr '\n' ' ')"
  [[ "$filters" =~ ^1\ 1\ 2\ 2\ 2\ (2\ )?3\ 3\ 3\ 3\ $ ]] || fail "threads without a filter of their own: $filters"
  expect_files "$OWN_FILES|.*/${IMAGE##*/}|.*/${WORK##*/}/(console|t.json)|anon_inode:\[(eventpoll|timerfd)\]"
  [[ -z "$(ls -A "/proc/$vm/root/")" && "$(readlink "/proc/$vm/cwd")" == / ]] || fail "its root has files"
  grep -qE '^Max core file size +0 +0 ' "/proc/$vm/limits" || fail "it may write a core file"
  [[ "$(stat -c %u:%a "/proc/$vm/mem")" == 0:600 ]] || fail "its memory is its user's"
  # Guest memory, the one mapping that large, is in no core file: dd.
  [[ "$(awk '/^Size:/ {kib = $2} kib >= 262144 && /^VmFlags:/ {print / dd( |$)/}' "/proc/$vm/smaps" | sort -u)" == 1 ]] ||
    fail "guest memory would be in a core file"
  end_confined
}

# What one run has made, the next ones join.
case_isolation_has_one_empty_network_for_all() {
  local each
  local -a networks=()
  for each in first second; do
    mkdir "$WORK/$each"
    WORK="$WORK/$each" start_confined
    networks+=("$(readlink "/proc/$vm/ns/net")")
    WORK="$WORK/$each" end_confined
  done
  [[ "${networks[0]}" == "${networks[1]}" ]] || fail "each run has a network of its own: ${networks[*]}"
  [[ "$(nsenter --net=/run/mayfly-no-network sh -c 'readlink /proc/self/ns/net')" == "${networks[0]}" ]] || fail "it is kept elsewhere"
  [[ "$(nsenter --net=/run/mayfly-no-network sed -n 's/^ *\([^ ]*\):.*/\1/p' /proc/net/dev)" == lo ]] || fail "it is not empty"
}

case_isolation_of_an_ordinary_user() {
  chmod 666 /dev/kvm
  : >"$WORK/console"
  : >"$WORK/t.json"
  chmod 755 "$WORK"
  chmod 666 "$WORK/console" "$WORK/t.json"
  AS="setpriv --reuid 65534 --regid 65534 --clear-groups" start_confined
  expect_confined user mnt ipc uts
  [[ -z "$(ls -A "/proc/$vm/root/")" ]] || fail "its root has files"
  end_confined
}

case_isolation_leaves_no_descriptor_of_the_caller() {
  local name="${IMAGE##*/}"
  exec 8</etc/passwd 9<"$IMAGE"
  IMAGE=/dev/fd/9 start_confined
  exec 8<&- 9<&-
  expect_files "$OWN_FILES|.*/$name|.*/${WORK##*/}/(console|t.json)"
  # What was opened again by a path of the descriptor is open once.
  [[ "$(find "/proc/$vm/fd" -lname "*/$name" | wc -l)" == 1 ]] || fail "the image is open more than once"
  end_confined
}

# logged REGEX: whether the kernel's log has it.
logged() { grep -q "$1" <(dmesg); }

# is_said REGEX: by mayfly, or in the kernel's log.
is_said() { grep -q "$1" "$WORK/err" || logged "$1"; }

# A call outside a vCPU's filter, made while the guest runs.
case_isolation_kills_a_thread_that_reaches_out() {
  local reaches_out="$REPO/build/test/mayfly_reaches_out"
  MAYFLY="$reaches_out" mayfly_run -- head -c 1 /dev/hwrng
  expect_status 159
  [[ "$err" != *reached* ]] || fail "it reached a file"
  await $$ logged 'type=1326 .* sig=31 .* syscall=257 '
  "$reaches_out" boot --image "$IMAGE" --repeat 1 --kernel "$REPO/build/lib/mayfly/vmlinux" -- head -c 1 /dev/hwrng \
    >"$WORK/out" 2>"$WORK/err" && fail "a boot of it passes"
  grep -q 'killed by the sandbox (SIGSYS)' "$WORK/err" || fail "$(<"$WORK/err")"
}

# reach_out_until REGEX SANDBOX: runs one that reaches out with that sandbox until its stderr and the kernel log have a line
# like that.
reach_out_until() {
  "$REPO/build/test/mayfly_reaches_out" run --image "$IMAGE" --sandbox "$2" -- head -c 1 /dev/hwrng >"$WORK/out" 2>"$WORK/err" </dev/null &
  local run=$!
  await "$run" is_said "$1"
  pause
  kill -KILL "$run"
  wait "$run" 2>/dev/null || true
}

# Landlock and the empty root stand behind the filter; without all of it the file is there.
case_isolation_is_more_than_a_filter() {
  dmesg --clear
  reach_out_until 'type=1326 .* sig=0 .* syscall=257 ' log
  ! grep -q reached "$WORK/err" || fail "it reached a file"
  reach_out_until 'reached a file of the host' off
}

case_isolation_off_is_off() {
  MAYFLY_HERE="$MAYFLY" start_confined --sandbox off
  expect_fields "/proc/$vm/status" Seccomp 0 NoNewPrivs 0
  end_confined
}
