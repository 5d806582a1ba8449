# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The emulator of L1: a copy of Debian's QEMU in the cache, with a fault of its VMRUN mended.
#
# To inject an interrupt into L2, helper_vmrun() (target/i386/tcg/sysemu/svm_helper.c, 7.2 and later) also stores its vector as
# the CPU's pending exception, where it stays until L2's next exit. When QEMU stops running L2 before that for a reason that is
# none to L2, as the end of an `-icount` slice or a turn of another CPU, it takes the vector for an exception and delivers it
# again, with interrupts off. L2 then waits for ever on a lock that it holds itself, or loses a wake-up. The store serves
# nothing, as do_interrupt_x86_hardirq() is given the vector: here a no-operation of equal length takes its place.

# The code of that case, from `vector = event_inj & 0xff` to the call, as GCC has made it of Debian 12's QEMU.
# shellcheck disable=SC2016  # for Perl
readonly kVmrunStoresVector='
  s/ ( \x41\x0f\xb6\xf4                         # movzx  esi, r12b
       \x44\x89\xab.{4} )                       # mov    [env->error_code], r13d
     \x89\xb3.{4}                               # mov    [cs->exception_index], esi
     ( \xc7\x83.{4}\x00{4}                      # mov    dword [env->exception_is_int], 0
       \x48\xc7\x83.{4}\xff{4}                  # mov    qword [env->exception_next_eip], -1
       \xf6\x05.{4}\x02 \x0f\x85.{4}            # if (qemu_loglevel & CPU_LOG_TB_IN_ASM)
       \xba\x01\x00{3} \x48\x89\xdf \xe8 )      # do_interrupt_x86_hardirq(env, vector, 1)
   /$1\x66\x0f\x1f\x44\x00\x00$2/gsx == 1 or exit 1'

# Copies QEMU into DIR/bin, mended; firmware and modules are found beside it, as in /usr.
_make_emulator() {
  local qemu="$1" into="$2"
  mkdir "$into/bin"
  ln -s /usr/share /usr/lib "$into/"
  if ! perl -0777 -pe "BEGIN { binmode STDIN; binmode STDOUT } $kVmrunStoresVector" <"$qemu" >"$into/bin/${qemu##*/}"; then
    progress "$qemu is not as expected (ci/lab/emulator.sh): L2 may get an interrupt twice and stand still, in one of some hundred boots"
    cp "$qemu" "$into/bin/"
  fi
  chmod +x "$into/bin/${qemu##*/}"
}

# Prints the path of the emulator, made first where it is missing. LAB is the lab's directory.
emulator_for() {
  local lab="$1" qemu place made
  qemu="$(command -v qemu-system-x86_64)" || die "qemu-system-x86_64 is not there; 'lab prepare' installs it"
  place="$(cache_dir)/emulator/$(cat "$lab/emulator.sh" "$qemu" | sha256sum | cut -c 1-16)"
  if [[ ! -d $place ]]; then
    mkdir -p "$(cache_dir)"
    made="$(mktemp -d -p "$(cache_dir)" emulator.XXXXXX)"
    _make_emulator "$qemu" "$made"
    cache_put "$made" "$place"
  fi
  echo "$place/bin/${qemu##*/}"
}
