# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154  # ci/bench/boot has work, checkout and native_rounds.
#
# What ci/bench/boot times on this machine's own KVM: mayfly and QEMU's microvm from exec to their first entry. Source it.

# Prints its words, each ended by a zero.
print_words() { printf '%s\0' "$@"; }

# words_of SYSTEM: the command that starts it.
words_of() {
  # shellcheck disable=SC2030,SC2034  # systems reads them.
  (
    bench="$work/stage" start=print_words channel="$work/channel"
    # shellcheck source=ci/bench/l1/systems
    source "$work/stage/systems"
    # Not every KVM lets QEMU set the register behind it, and it dies of that.
    cpu_features=,arch-capabilities=off
    "exec_$1"
  )
}

# Leaves the rounds in $work/native; says why there are none.
time_natively() {
  local first_entry="$checkout/build/test/bench-first-entry" any_kvm="$checkout/build/test/bench-mayfly-any-kvm"
  local -a ours theirs
  [[ $native_rounds -gt 0 ]] || return 0
  if [[ ! -r /dev/kvm || ! -w /dev/kvm ]]; then
    progress "no times of this machine itself: there is no /dev/kvm that may be used"
    return 0
  fi
  if [[ ! -x $first_entry ]]; then
    progress "no times of this machine itself: cmake --build build --target bench-first-entry bench-mayfly-any-kvm makes what takes them"
    return 0
  fi
  # Up to its first entry a KVM that only emulates does as well; but the product refuses it.
  grep -qE '^flags.* (vmx|svm)( |$)' /proc/cpuinfo || ln -sf "$any_kvm" "$work/stage/mayfly"
  mkfifo "$work/channel.in" "$work/channel.out"
  mapfile -d '' -t ours < <(words_of mayfly)
  mapfile -d '' -t theirs < <(words_of qemu_microvm)
  progress "this machine itself: $native_rounds starts of each system, to the first entry"
  "$first_entry" "$native_rounds" "${ours[@]}" --against "${theirs[@]}" >"$work/native" ||
    die "the starts on this machine failed; the reason is above"
}
