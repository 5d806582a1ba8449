# shellcheck shell=bash disable=SC2154,SC2016,SC2034
# SPDX-License-Identifier: Apache-2.0
#
# Bad input: one sentence that names it, status 125, nothing left behind.

# expect_refusal TEXT: status 125 and exactly one line on stderr, with TEXT in it, from mayfly.
expect_refusal() {
  expect_status 125
  expect_err_has "$1"
  [[ "$err" == mayfly:* && "$err" != *$'\n'* ]] || fail "not one line from mayfly: $err"
}

# with_image FILE OPTION...: as mayfly_run, with another image.
with_image() {
  local kept="$IMAGE"
  IMAGE="$1"
  mayfly_run "${@:2}" -- true </dev/null
  IMAGE="$kept"
}

case_image_missing() { with_image /nosuch/image && expect_refusal /nosuch/image; }
case_image_is_a_directory() { with_image "$WORK" && expect_refusal 'is a directory'; }

case_image_is_empty() {
  : >"$WORK/image"
  with_image "$WORK/image"
  expect_refusal "$WORK/image"
}

case_image_is_something_else() {
  head -c 4194304 /dev/urandom >"$WORK/image"
  with_image "$WORK/image"
  expect_refusal 'not a Mayfly image'
}

case_image_is_truncated() {
  head -c 4194304 "$IMAGE" >"$WORK/image"
  with_image "$WORK/image"
  expect_refusal truncated
}

case_image_header_digest_is_wrong() {
  head -c 4194304 "$IMAGE" >"$WORK/image"
  printf 'x' | dd of="$WORK/image" bs=1 seek=40 conv=notrunc status=none
  with_image "$WORK/image"
  expect_refusal digest
}

case_image_file_system_digest_is_wrong_when_verified() {
  cp "$IMAGE" "$WORK/image"
  printf 'xyzzy' | dd of="$WORK/image" bs=1 seek=1048576 conv=notrunc status=none
  with_image "$WORK/image" --verify
  expect_refusal digest
}

case_kernel_missing() { with_image "$IMAGE" --kernel /nosuch/kernel && expect_refusal /nosuch/kernel; }

case_kernel_is_not_elf() {
  head -c 65536 /dev/urandom >"$WORK/kernel"
  with_image "$IMAGE" --kernel "$WORK/kernel"
  expect_refusal ELF
}

case_kernel_is_a_bzimage() {
  head -c 65536 /dev/zero >"$WORK/kernel"
  printf '\x55\xaa' | dd of="$WORK/kernel" bs=1 seek=510 conv=notrunc status=none
  printf 'HdrS' | dd of="$WORK/kernel" bs=1 seek=514 conv=notrunc status=none
  with_image "$IMAGE" --kernel "$WORK/kernel"
  expect_refusal extract-vmlinux
}

case_kernel_without_pvh_note() {
  kept_python "$REPO/ci/system/l1/assembly_kernel.py" "$WORK/kernel" f4 --no-note
  with_image "$IMAGE" --kernel "$WORK/kernel"
  expect_refusal PVH
}

case_kernel_segments_overlap() {
  kept_python "$REPO/ci/system/l1/assembly_kernel.py" "$WORK/kernel" f4 --segment 0x100800,16,16
  with_image "$IMAGE" --kernel "$WORK/kernel"
  expect_refusal overlap
}

case_kernel_segment_beyond_memory() {
  kept_python "$REPO/ci/system/l1/assembly_kernel.py" "$WORK/kernel" f4 --segment 0x40000000,16,16
  with_image "$IMAGE" --kernel "$WORK/kernel"
  expect_refusal memory
}

case_kernel_larger_than_memory() {
  kept_python "$REPO/ci/system/l1/assembly_kernel.py" "$WORK/kernel" f4 --segment 0x200000,16,0x30000000
  with_image "$IMAGE" --kernel "$WORK/kernel"
  expect_refusal memory
}

case_memory_that_cannot_be() {
  local size
  for size in 0 1M 10T -5 12x; do
    with_image "$IMAGE" --memory "$size"
    expect_refusal --memory
  done
}

case_cpus_that_cannot_be() {
  local count
  for count in 0 65 -1 two; do
    with_image "$IMAGE" --cpus "$count"
    expect_refusal cpus
  done
}

case_timeline_that_cannot_be_written() {
  with_image "$IMAGE" --timeline /nosuch/timeline.json
  expect_refusal /nosuch/timeline.json
}

case_command_line_that_is_too_long() {
  with_image "$IMAGE" --cmdline-append "$(head -c 3000 /dev/zero | tr '\0' x)"
  expect_refusal 'command line'
}

case_kvm_missing_forbidden_or_something_else() {
  mv /dev/kvm /dev/kvm.away
  with_image "$IMAGE"
  local missing="$status $err"
  ln -s /dev/null /dev/kvm
  with_image "$IMAGE"
  local other="$status $err"
  rm /dev/kvm
  mv /dev/kvm.away /dev/kvm
  chmod 600 /dev/kvm
  chmod 755 "$WORK"
  status=0
  err="$(setpriv --reuid=65534 --clear-groups "$MAYFLY" run --image "$IMAGE" -- true 2>&1 </dev/null)" || status=$?
  expect_refusal 'group'
  [[ "$missing" == "125 mayfly: "*modprobe* ]] || fail "missing: $missing"
  [[ "$other" == "125 mayfly: "*"not a KVM device"* ]] || fail "something else: $other"
}

case_nothing_is_left_behind() {
  local before after
  mkdir "$WORK/tmp"
  export TMPDIR="$WORK/tmp"
  before="$(ls "$TMPDIR" /dev/shm /dev/hugepages)"
  mayfly_run -- true </dev/null
  with_image "$WORK"
  after="$(ls "$TMPDIR" /dev/shm /dev/hugepages)"
  [[ "$before" == "$after" ]] || fail "left behind: ${after//$'\n'/ }"
  ! pgrep -x mayfly >/dev/null || fail "a mayfly still runs"
}
