# shellcheck shell=bash disable=SC2154,SC2016
# SPDX-License-Identifier: Apache-2.0
#
# The guest kernel's other profiles, beside faas: that they boot and have what they are for.

readonly SPECTRE=/sys/devices/system/cpu/vulnerabilities/spectre_v2

# of_profile NAME OPTION... -- CMD: a run with its kernel; faas is the one that mayfly takes by itself.
of_profile() {
  local kernel="$REPO/build/profiles/vmlinux.$1"
  shift
  mayfly_run --kernel "$kernel" "$@" </dev/null
}

case_trusted_boots_without_mitigations() {
  of_profile trusted -- cat "$SPECTRE"
  expect_status 0
  [[ "$out" == Vulnerable* ]] || fail "the guest says '$out'"
  mayfly_run -- cat "$SPECTRE" </dev/null
  [[ "$out" == Mitigation:* ]] || fail "the guest of faas says '$out'"
}

case_trusted_runs_python_on_two_cpus() {
  of_profile trusted --cpus 2 -- python3 -c 'import os; print(os.cpu_count(), sum(range(1000)))'
  expect_status 0
  expect_out '2 499500'
}

case_general_boots_with_mitigations() {
  of_profile general -- cat "$SPECTRE"
  expect_status 0
  [[ "$out" == Mitigation:* ]] || fail "the guest says '$out'"
}

# Of faas, with what shows the page tables: the kernel is write-protected before its other CPUs start and before init code is freed.
case_no_page_of_the_kernel_is_writable_and_executable() {
  local pages show="[(c.mount(b'd',b'/mnt',b'debugfs',0,0),print(open('/mnt/page_tables/kernel').read()),c.reboot(0x4321fedc))"
  show+="for(c)in[__import__('ctypes').CDLL(None)]]"
  of_profile page_tables --cpus 2 --console "$WORK/console" --cmdline-append "init=/usr/bin/python3 -- -uc $show" -- true
  pages="$(grep '^0x' "$WORK/console")" || fail "no page is shown: $(tail -n 3 "$WORK/console")"
  grep -q ' ro .* x ' <<<"$pages" || fail "nothing can be executed: $pages"
  grep -q ' RW .* NX ' <<<"$pages" || fail "nothing can be written: $pages"
  ! pages="$(grep ' RW .* x ' <<<"$pages")" || fail "can be written and executed: $pages"
}

# A container by hand: all namespaces, a file system of its own, control groups with their controllers.
case_general_has_what_containers_are_made_of() {
  of_profile general -- unshare --user --map-root-user --mount --pid --net --uts --ipc --cgroup --fork sh -c '
    mount -t tmpfs none /mnt && mkdir /mnt/groups && mount -t cgroup2 none /mnt/groups && hostname inner && echo "$(hostname) $$"
    cat /mnt/groups/cgroup.controllers'
  expect_status 0
  expect_out_has 'inner 1'
  local controller
  for controller in cpuset cpu io memory pids; do
    expect_out_has "$controller"
  done
}

# cpusets are set up with the CPUs that are there: all of them, although they start last.
case_general_holds_containers_to_cpus() {
  of_profile general --cpus 4 -- unshare --user --map-root-user --mount --cgroup sh -c '
    mount -t tmpfs none /mnt && mkdir /mnt/groups && mount -t cgroup2 none /mnt/groups && cd /mnt/groups && cat cpuset.cpus.effective &&
      echo +cpuset >cgroup.subtree_control && mkdir two && echo 2-3 >two/cpuset.cpus && cat two/cpuset.cpus.effective && echo 0 >two/cgroup.procs && nproc'
  expect_status 0
  expect_out $'0-3\n2-3\n2'
}

case_general_has_ipv6_bpf_and_fuse() {
  of_profile general -- python3 -c 'import socket; s = socket.socket(socket.AF_INET6); s.bind(("::1", 0)); print("bound")
print(open("/proc/filesystems").read())'
  expect_status 0
  expect_out_has bound
  expect_out_has fuse
  expect_out_has bpf
}
