# shellcheck shell=bash disable=SC2154,SC2034
# SPDX-License-Identifier: Apache-2.0
#
# Guests that lie to get at memory by their device: they meet faults of the IOMMU, or wait, and nothing else happens.

# A program in the guest aims edu at what was lent and at what is none of the guest's; resets the balloon under its driver
# half way; and ends well. It never says that it is ready, so what is lent stays out of the device's reach until the reset.
case_guest_that_aims_its_device_anywhere_meets_faults_alone() {
  local aimed faults
  bind_all
  dmesg --clear
  EDU_INIT=lies EDU_WORDS=balloon=0000:00:04.0 CASE_SECONDS=900 run_edu 0000:00:05.0 none --memory 1G --balloon 512M \
    --dma-window 128M --device "$(passed edu)" --timeline "$WORK/t.json"
  aimed="$(sed -n 's/^edu: aims at \([0-9a-f]*\)\r*$/0x\1/p' "$WORK/console" | sort)"
  faults="$(dmesg | sed -n 's/.*DMAR: \[DMA .*fault addr \(0x[0-9a-f]*\).*/\1/p' | sort -u)"
  dmesg >"$WORK/dmesg"
  dmesg --clear
  (($(wc -l <<<"$faults") >= 8)) || fail "only these faults: $faults; $(tail -n 3 "$WORK/dmesg")"
  [[ -z "$(comm -13 <(echo "$aimed") <(echo "$faults"))" ]] || fail "a fault at none of the addresses aimed at: $faults; $aimed"
  ! grep -E 'BUG|WARNING|Oops|INTR-REMAP' "$WORK/dmesg" >&2 || fail "the host suffered"
  grep -q '^edu: the balloon was reset' "$WORK/console" || fail "the balloon was not reset"
  [[ "$(json "$WORK/t.json" 't["outcome"]')" == poweroff ]] || fail "the outcome is $(json "$WORK/t.json" 't["outcome"]')"
  expect_dma 'mapped_bytes == ram_bytes and held_bytes == 0'
}

# A kernel of a few instructions, the first of which makes its device bus master.
case_bus_mastering_by_the_first_instruction_waits_for_all_memory() {
  bind_all
  as --32 "$REPO/ci/system/l1/bus_master.S" -o "$WORK/start.o" || fail 'cannot assemble'
  ld -m elf_i386 -Ttext=0x100000 --oformat=binary "$WORK/start.o" -o "$WORK/start.bin" || fail 'cannot link'
  python3 "$REPO/ci/system/l1/assembly_kernel.py" "$WORK/kernel" "$(od -An -v -tx1 "$WORK/start.bin" | tr -d '\n')"
  mayfly_run --kernel "$WORK/kernel" --memory 512M --device "$(passed edu)" --timeline "$WORK/t.json" -- true </dev/null
  [[ "$(json "$WORK/t.json" 't["outcome"]')" == reboot ]] || fail "the outcome is $(json "$WORK/t.json" 't["outcome"]'): $err"
  expect_dma 'bus_master_waits == 1 and mapped_bytes == ram_bytes'
  no_dmar_fault
}
