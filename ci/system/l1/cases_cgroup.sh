# shellcheck shell=bash disable=SC2154,SC2016,SC2034
# SPDX-License-Identifier: Apache-2.0
#
# VMs in cgroups of their own: mayfly run --cgroup. L1 has cgroup2, all of it root's.

readonly GROUPS_FOLDER=/sys/fs/cgroup/cases

# make_groups CONTROLLER...: the folder, with these for the groups in it.
make_groups() {
  mkdir -p "$GROUPS_FOLDER"
  local each
  for each; do
    echo "+$each" >/sys/fs/cgroup/cgroup.subtree_control || fail "L1's kernel has no $each"
    echo "+$each" >"$GROUPS_FOLDER/cgroup.subtree_control" || fail "$GROUPS_FOLDER has no $each"
  done
}

# start_grouped ID LIMITS OPTION...: a VM that runs until its stdin, descriptor 5, ends; as $vm, its group as $group.
start_grouped() {
  local id="$1" limits="$2"
  shift 2
  mkfifo "$WORK/stdin"
  "$MAYFLY" run --image "$IMAGE" --id "$id" --memory 256M --cgroup "$GROUPS_FOLDER$limits" "$@" \
    -- sh -c 'echo up; read -r line || true' <"$WORK/stdin" >"$WORK/out" 2>"$WORK/err" &
  vm=$!
  exec 5>"$WORK/stdin"
  # shellcheck disable=SC2064  # the number as it is now
  trap "kill -KILL $vm 2>/dev/null" EXIT
  group="$GROUPS_FOLDER/mayfly-$id"
  await "$vm" has_line "$WORK/out" up
}

end_grouped() {
  exec 5>&-
  wait "$vm" || fail "exit status $? at the end: $(<"$WORK/err")"
  await $$ gone "$group"
}

# expect_limit FILE VALUE
expect_limit() { [[ "$(<"$group/$1")" == "$2" ]] || fail "$1 is '$(<"$group/$1")', not '$2'"; }

case_cgroup_holds_the_vm_and_its_helpers_and_goes_with_them() {
  make_groups memory cpu pids hugetlb
  start_grouped held ,memory=1G,cpu=150%,pids=64,hugetlb-2m=16M --vsock "$WORK/socket"
  expect_limit memory.max 1073741824
  expect_limit cpu.max '150000 100000'
  expect_limit pids.max 64
  expect_limit hugetlb.2MB.max 16777216
  expect_limit hugetlb.2MB.rsvd.max 16777216
  local names each
  names="$(for each in $(<"$group/cgroup.procs"); do cat "/proc/$each/comm"; done | sort | tr '\n' ' ')"
  [[ "$names" == 'mayfly mayfly-connect ' ]] || fail "in the group are: $names"
  # Guest memory is the group's: it was taken after.
  (($(<"$group/memory.current") > 16 << 20)) || fail "only $(<"$group/memory.current") bytes are its"
  ask run --image "$IMAGE" --id held --cgroup "$GROUPS_FOLDER" -- true
  expect_status 125
  expect_err_has "a process is in $group; give another --id, or end that VM (mayfly stop held)"
  end_grouped
}

case_cgroup_ends_a_vm_at_its_memory_limit() {
  make_groups memory
  local group="$GROUPS_FOLDER/mayfly-full" before
  before="$(sed -n 's/^oom_kill //p' /proc/vmstat)"
  mayfly_run --id full --memory 512M --vsock "$WORK/socket" --cgroup "$GROUPS_FOLDER,memory=200M" -- \
    sh -c 'echo up; head -c 400M /dev/zero >/filled; echo filled'
  expect_status 137
  expect_out up
  await $$ gone "$group"
  [[ "$(<"$WORK/err")" == 'mayfly: the VM was killed at the memory limit of its cgroup;'* ]] || fail "stderr is '$(<"$WORK/err")'"
  (($(sed -n 's/^oom_kill //p' /proc/vmstat) == before + 1)) || fail "the host has killed others too"
  # The process beside it ends with it, and takes the socket away.
  await $$ gone "$WORK/socket"
  # Of a detached one nobody hears it any more, so it is in the log.
  ask run --detach --id full --memory 512M --image "$IMAGE" --timeout 10m --cgroup "$GROUPS_FOLDER,memory=200M" -- \
    sh -c 'sleep 3; head -c 400M /dev/zero >/filled'
  expect_status 0
  await $$ gone "$group"
  ask logs full
  expect_err_has 'mayfly: the VM was killed at the memory limit of its cgroup;'
  mayfly_run --id full --memory 256M --cgroup "$GROUPS_FOLDER,memory=400M" -- echo works
  expect_status 0
  expect_out works
}

case_cgroup_goes_with_a_vm_that_is_killed() {
  make_groups memory
  start_grouped killed ,memory=1G
  kill -KILL "$vm"
  await $$ gone "$group"
  exec 5>&-
  rm "$WORK/stdin"
  # Where what would remove it is gone too, gc does.
  start_grouped left ,memory=1G
  pkill -KILL -x mayfly-cgroup
  expect_answer 0 '' gc --cgroup "$GROUPS_FOLDER"
  kill -KILL "$vm"
  wait "$vm" 2>/dev/null || true
  expect_answer 0 "left"$'\n'"$GROUPS_FOLDER left" gc --cgroup "$GROUPS_FOLDER"
  [[ ! -e "$group" ]] || fail "it is still there"
}

case_cgroup_of_a_detached_vm() {
  make_groups memory
  detach grouped --memory 256M --cgroup "$GROUPS_FOLDER,memory=1G" -- sleep 100000
  [[ "$(<"$GROUPS_FOLDER/mayfly-grouped/cgroup.procs")" == "$vm" ]] || fail "in it is $(<"$GROUPS_FOLDER/mayfly-grouped/cgroup.procs")"
  expect_answer 0 '' kill grouped
  await $$ gone "$GROUPS_FOLDER/mayfly-grouped"
}

case_cgroup_says_what_is_missing() {
  make_groups memory
  mkdir -p /sys/fs/cgroup/none/deeper
  mayfly_run --cgroup /sys/fs/cgroup/none,memory=1G -- true
  expect_status 125
  expect_err_has "none/cgroup.subtree_control has no 'memory'; echo +memory >/sys/fs/cgroup/none/cgroup.subtree_control"
  mayfly_run --cgroup /sys/fs/cgroup/none/deeper,memory=1G -- true
  expect_status 125
  expect_err_has "cgroup.subtree_control of the groups above it"
  mayfly_run --cgroup /tmp -- true
  expect_status 125
  expect_err_has '--cgroup: /tmp is no cgroup'
  make_groups pids
  mayfly_run --cgroup "$GROUPS_FOLDER,pids=1" -- true
  expect_status 125
  expect_err_has 'Resource temporarily unavailable'
  chmod 666 /dev/kvm
  status=0
  setpriv --reuid 65534 --regid 65534 --clear-groups "$MAYFLY" run --image "$IMAGE" --cgroup "$GROUPS_FOLDER" -- true \
    2>"$WORK/err" || status=$?
  err="$(<"$WORK/err")"
  expect_status 125
  expect_err_has "must be yours to write (delegated"
  rmdir /sys/fs/cgroup/none/deeper /sys/fs/cgroup/none
}
