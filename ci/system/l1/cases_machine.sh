# shellcheck shell=bash disable=SC2154,SC2016,SC2034
# SPDX-License-Identifier: Apache-2.0
#
# The machine: memory, root, console, bus, and the ways in which it can end.

case_timeout_is_124() {
  mayfly_run --timeout 5s -- sleep 1000 </dev/null
  expect_status 124
}

case_two_mebibyte_pages_are_used() {
  echo 300 >/proc/sys/vm/nr_hugepages
  "$MAYFLY" run --image "$IMAGE" --pages 2m --timeline "$WORK/t.json" -- sh -c 'echo up; sleep 1000' >"$WORK/out" 2>"$WORK/err" </dev/null &
  local pid=$! reserved
  await "$pid" has_line "$WORK/out" up
  reserved=$(($(meminfo HugePages_Total) - $(meminfo HugePages_Free) + $(meminfo HugePages_Rsvd)))
  kill -KILL "$pid"
  wait "$pid"
  echo 0 >/proc/sys/vm/nr_hugepages
  [[ "$reserved" == 256 ]] || fail "$reserved huge pages in use for 512 MiB, not 256"
}

meminfo() { sed -n "s/^$1: *\([0-9]*\).*/\1/p" /proc/meminfo; }

case_two_mebibyte_pages_that_are_not_there_are_an_error() {
  echo 10 >/proc/sys/vm/nr_hugepages
  mayfly_run --pages 2m -- true </dev/null
  echo 0 >/proc/sys/vm/nr_hugepages
  expect_status 125
  expect_err_has '10 free, 256 needed'
  expect_err_has 'sudo tee /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages'
}

case_auto_takes_huge_pages_and_says_so() {
  echo 300 >/proc/sys/vm/nr_hugepages
  mayfly_run --timeline "$WORK/t.json" -- true </dev/null
  echo 0 >/proc/sys/vm/nr_hugepages
  expect_status 0
  [[ "$(json "$WORK/t.json" 't["memory"]["pages"]')" == 2m ]] || fail "took $(json "$WORK/t.json" 't["memory"]')"
  mayfly_run --timeline "$WORK/t.json" -- true </dev/null
  [[ "$(json "$WORK/t.json" 't["memory"]["pages"]')" == thp ]] || fail "took $(json "$WORK/t.json" 't["memory"]')"
}

# returns_of_guest OPTION...: the counts of returns_of_guest.py, of a guest that was started with the options.
returns_of_guest() {
  start_vm returns 'echo up; sleep 1000' --memory 256M "$@"
  read -r sites plain_low plain_high jumps_low jumps_high < <(kept_python "$REPO/ci/system/l1/returns_of_guest.py" "$REPO/build/lib/mayfly/vmlinux" "$vm")
  kill -KILL "$vm"
  wait "$vm"
}

# Thunks against Indirect Target Selection are for the returns in the lower half of a cache line.
case_returns_are_plain_but_where_a_thunk_is_wanted() {
  local sites plain_low plain_high jumps_low jumps_high
  returns_of_guest
  ((sites > 10000 && plain_low + plain_high == sites)) || fail "$plain_low and $plain_high of $sites returns are plain"
  returns_of_guest --cmdline-append indirect_target_selection=force
  ((sites > 10000 && plain_low == 0 && jumps_low > 5000 && jumps_low + plain_high == sites)) ||
    fail "of $sites returns $plain_low and $plain_high are plain, $jumps_low and $jumps_high jump"
}

# Struct pages come beside the boot: meminfo has all memory from the start, the free lists within seconds of idling. Then both say the same.
case_memory_is_taken_over_while_the_guest_idles() {
  mayfly_run --memory 3G --pages 4k -- sh -c '
    of() { sed -n "s/^$1: *\([0-9]*\).*/\1/p" /proc/meminfo; }
    there() { awk "{ for (i = 5; i <= NF; i++) pages += \$i * 2 ^ (i - 5) } END { printf \"%d\", pages }" /proc/buddyinfo; }
    echo $(($(of MemTotal) > 2900 * 1024)) $(($(of MemFree) > 2800 * 1024)) $(($(cat /proc/sys/fs/file-max) > 250000))
    tries=0
    until more=$(($(of MemFree) / 4 - $(there))); [ $more -lt 2048 ] || [ $((tries += 1)) -gt 600 ]; do sleep 0.1; done
    echo $(($(there) > 2800 * 256)) $(($(of MemFree) > 2800 * 1024 && $(of MemFree) <= $(of MemTotal))) $((-2048 < more && more < 2048))
    echo 1 >/proc/sys/vm/compact_memory
    dmesg | grep -cE "WARNING|BUG|Bad page"' </dev/null
  expect_out $'1 1 1\n1 1 1\n0'
}

# And at once when it is wanted, while compaction walks through what is not there yet.
case_memory_is_there_when_it_is_wanted() {
  CASE_SECONDS=600 mayfly_run --memory 1536M -- sh -c '
    echo 1 >/proc/sys/vm/compact_memory
    python3 -c "$1" 1250
    echo 1 >/proc/sys/vm/compact_memory
    dmesg | grep -cE "WARNING|BUG|Bad page|out of memory"' sh "$fill_memory" </dev/null
  expect_out $'same\n0'
}

case_root_is_pmem_with_dax() {
  mayfly_run -- mount </dev/null
  expect_status 0
  expect_out_has '/dev/pmem0 on '
  [[ "$out" =~ /dev/pmem0\ on\ [^$'\n']*erofs\ \([^$'\n']*dax=always ]] || fail "no dax=always: $out"
  [[ "$out" =~ on\ /\ type\ overlay ]] || fail "no overlay at /: $out"
}

# A large file of the image is mapped by 2 MiB entries in the guest, and in the host's nested tables when the host has
# the image in huge pages.
case_large_file_is_mapped_by_two_mebibytes() {
  mkdir -p "$WORK/huge"
  mount -t tmpfs -o huge=always,size=2G tmpfs "$WORK/huge"
  cp "$IMAGE" "$WORK/huge/image"
  local own_image="$IMAGE"
  IMAGE="$WORK/huge/image" mayfly_run --pages 4k --timeline "$WORK/t.json" -- \
    python3 -c "$(<"$REPO/ci/system/l1/huge_mapped.py")" /usr/lib/x86_64-linux-gnu/libcrypto.so.3 </dev/null
  umount "$WORK/huge"
  IMAGE="$own_image"
  expect_status 0
  local size mapped
  read -r size mapped <<<"$out"
  ((size >= 2048 && mapped == size)) || fail "of $size KiB, $mapped KiB are mapped by 2 MiB entries in the guest"
  local nested
  nested="$(json "$WORK/t.json" 't["kvm"]["pages_2m"]')"
  ((nested >= size / 2048)) || fail "KVM has $nested entries of 2 MiB in its tables, for $size KiB"
}

case_console_is_hvc0_and_one_bus_is_scanned() {
  mayfly_run -- sh -c 'cat /proc/consoles; dmesg' </dev/null
  expect_status 0
  [[ "$out" == hvc0\ * ]] || fail "the console is not hvc0: ${out%%$'\n'*}"
  expect_out_has 'console [hvc0] enabled'
  expect_out_has 'for domain 0000 [bus 00-00]'
  local buses
  buses="$(grep -oE 'pci_bus [0-9a-f:]+' <<<"$out" | sort -u)"
  [[ "$buses" == 'pci_bus 0000:00:' ]] || fail "buses scanned: $buses"
}

# From the kernel's first line on, long before there is a console device.
case_console_file_has_what_the_kernel_says() {
  mayfly_run --console "$WORK/console" --cmdline-append 'loglevel=7' -- true </dev/null
  expect_status 0
  local first
  read -r first <"$WORK/console"
  [[ "$first" == *'Linux version 6.12'* ]] || fail "the first line is: $first"
  grep -q 'VFS: Mounted root (erofs filesystem)' "$WORK/console" || fail "no root: $(head -n 2 "$WORK/console")"
  grep -q 'Run /.mayfly/init' "$WORK/console" || fail "the last line is missing: $(tail -n 1 "$WORK/console")"
}

case_root_may_be_ext4() {
  mkdir -p "$WORK/root/bin"
  cp /bin/busybox "$WORK/root/bin/"
  ln -s busybox "$WORK/root/bin/sh"
  "$REPO/build/bin/mayfly-image" build --quiet --fs ext4 --from "$WORK/root" --output "$WORK/ext4.img" || fail 'no image'
  IMAGE="$WORK/ext4.img" mayfly_run -- sh -c 'busybox mount; echo kept >/file && busybox cat /file' </dev/null
  expect_status 0
  [[ "$out" =~ /dev/pmem0\ on\ [^$'\n']*ext4\ \([^$'\n']*dax=always ]] || fail "no ext4 with DAX: $out"
  [[ "$out" == *$'\nkept' ]] || fail "cannot write: $out"
}

# With as many vCPUs to make, building takes longer than the lab's one processor is left to one thread.
case_kernel_is_read_while_the_machine_is_built() {
  mayfly_run --cpus 64 --cmdline-append maxcpus=1 --timeline "$WORK/t.json" -- true </dev/null
  expect_status 0
  local overlap
  overlap="$(json "$WORK/t.json" '(lambda p: p["kernel_read"]["begin_ns"] < p["cpus"]["end_ns"] and p["kernel_read"]["end_ns"] > p["vm_create"]["begin_ns"])({x["name"]: x for x in t["phases"]})')"
  [[ "$overlap" == True ]] || fail "no overlap: $(json "$WORK/t.json" 't["phases"]')"
}

# run_outcome OPTION...: runs to an outcome other than the workload's exit; into $outcome, with $status and $err.
run_outcome() {
  mayfly_run --console "$WORK/console" --timeline "$WORK/t.json" "$@" -- true </dev/null
  outcome="$(json "$WORK/t.json" 't["outcome"]')"
}

expect_outcome() {
  [[ "$outcome" == "$1" ]] || fail "outcome '$outcome', not '$1'; stderr: $err"
  expect_status 125
}

case_linux_poweroff_is_an_outcome() {
  run_outcome --cmdline-append "$(python_as_init "__import__('ctypes').CDLL(None).reboot(0x4321fedc)")"
  expect_outcome poweroff
}

case_linux_reboot_is_an_outcome() {
  run_outcome --cmdline-append "$(python_as_init "__import__('ctypes').CDLL(None).reboot(0x01234567)")"
  expect_outcome reboot
}

case_linux_panic_is_an_outcome_and_says_why() {
  run_outcome --cmdline-append 'init=/nosuch root=/dev/nosuch'
  expect_outcome panic
  grep -q 'Kernel panic' "$WORK/console" || fail "console lacks the panic: $(tail -n 3 "$WORK/console")"
}

# assembly_kernel HEX: an ELF kernel with a PVH note whose 32-bit code is HEX.
assembly_kernel() { kept_python "$REPO/ci/system/l1/assembly_kernel.py" "$WORK/kernel" "$1"; }

case_triple_fault_is_an_outcome() {
  assembly_kernel '0f011d00001000 cc f4' # lidt [0x100000]; int3; hlt
  run_outcome --kernel "$WORK/kernel"
  expect_outcome triple-fault
}

case_reset_and_sleep_registers_end_the_machine() {
  assembly_kernel '66ba0006 b001 ee f4' # mov dx, 0x600; mov al, 1; out dx, al; hlt
  run_outcome --kernel "$WORK/kernel"
  expect_outcome reboot
  assembly_kernel '66ba0106 b034 ee f4' # mov dx, 0x601; mov al, 0x34; out dx, al; hlt
  run_outcome --kernel "$WORK/kernel"
  expect_outcome poweroff
}

case_panic_port_ends_the_machine() {
  assembly_kernel '66ba0505 b001 ee f4' # mov dx, 0x505; mov al, 1; out dx, al; hlt
  run_outcome --kernel "$WORK/kernel"
  expect_outcome panic
}

case_marks_of_any_code_are_stamped() {
  assembly_kernel 'b040 e680 b07f e680 66ba0006 b001 ee f4' # out 0x80: 0x40, 0x7f; then reset
  run_outcome --kernel "$WORK/kernel"
  expect_outcome reboot
  [[ "$(json "$WORK/t.json" '[m["code"] for m in t["marks"]]')" == "[64, 127]" ]] || fail "$(json "$WORK/t.json" 't["marks"]')"
}

case_sixty_four_cpus_start() {
  as --32 "$REPO/ci/system/l1/start_cpus.S" -o "$WORK/start.o" || fail 'cannot assemble'
  ld -m elf_i386 -Ttext=0x100000 --oformat=binary "$WORK/start.o" -o "$WORK/start.bin" || fail 'cannot link'
  assembly_kernel "$(od -An -v -tx1 "$WORK/start.bin" | tr -d '\n')"
  run_outcome --kernel "$WORK/kernel" --cpus 64
  expect_outcome reboot
  [[ "$(json "$WORK/t.json" '[m["code"] for m in t["marks"]]')" == "[63]" ]] || fail "$(json "$WORK/t.json" 't["marks"]')"
}
