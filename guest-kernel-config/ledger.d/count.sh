# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154  # Set by ledger: here, checkout, mayfly, image, base, base_key, results.
#
# Boots in counted L1, with what ci/bench uses there: kernels by turns, the initcalls of one, the functions of one.

# Beside the guest's 256 huge pages, what L1 itself may take of them.
readonly HUGE_PAGES=300
work="" # Where the files for L1 are gathered.

# Gathers in $work/stage what L1 gets; the words are the workload.
stage_boots() {
  work="$(mktemp -d)"
  mkdir "$work/stage" "$work/results"
  cp "$checkout/ci/bench/l1/boots" "$here/ledger.d/systems" "$work/stage/"
  ln -s "$mayfly" "$work/stage/mayfly"
  ln -s "$image" "$work/stage/image"
  printf '%s\n' "$*" >"$work/stage/command"
  echo systems=systems >"$work/stage/settings"
  : >"$work/stage/systems.list"
}

# stage_kernel NAME VMLINUX WORDS: a system to boot, with words for its command line.
stage_kernel() {
  strip --strip-all -o "$work/stage/kernel.$1" "$2"
  echo "$1 ${3:-}" >>"$work/stage/systems.list"
}

# run_counted [OPTION...] -- COMMAND...: in counted L1, where the stage is /bench; options of the lab.
run_counted() {
  local file
  local -a lab=("$checkout/ci/lab/counted" --hugepages-2m "$HUGE_PAGES" --timeout 3400 --results "$work/results")
  for file in "$work/stage/"*; do
    lab+=(--file "$file:/bench/${file##*/}")
  done
  "${lab[@]}" "$@"
}

unstage() {
  rm -rf -- "$work"
}

# Boots what is staged under these names by turns: twice to warm up, three times in earnest, once with all exits traced.
run_boots() {
  run_counted -- /bin/busybox sh /bench/boots /bench 2 3 "$@"
}

# Writes one line: base Minsn, base exits, Minsn and exits of the variant beyond.
delta_of() {
  "$here/ledger.d/delta" "$checkout/ci/bench/boot_figures.py" "$work/results" base "$1"
}

# The kernel's own trace of its initcalls, by the guest's clock: one instruction is one nanosecond.
measure_initcalls() {
  local to="$results/initcalls.$base_key"
  [[ ! -f $to ]] || return 0
  progress "counting initcalls"
  stage_boots dmesg
  stage_kernel traced "$base/vmlinux" "initcall_debug log_buf_len=1M"
  # shellcheck disable=SC2016  # Expanded in L1.
  run_counted -- /bin/busybox sh -c '. /bench/systems; n=0
    while [ $((n += 1)) -le 4 ]; do (exec_traced) >"$LAB_RESULTS/log.$n" 2>&1 </dev/null || exit 1; done' bench=/bench ||
    { unstage && die "the traced boots failed; the reason is above"; }
  rm -f "$results"/initcalls.*
  "$here/ledger.d/initcalls" "$base/System.map" "$work/results/log.4" >"$to"
  unstage
}

# Every instruction of the guest's kernel by function, counted by a plugin of L1's emulator.
measure_functions() {
  local to="$results/functions.$base_key"
  [[ ! -f $to ]] || return 0
  progress "counting functions"
  stage_boots /bin/true
  stage_kernel base "$base/vmlinux"
  gcc -O2 -shared -fPIC -o "$work/count.so" "$here/ledger.d/count.c"
  run_counted --plugin "$work/count.so,out=$work/blocks" -- /bin/busybox sh /bench/boots /bench 4 3 base ||
    { unstage && die "the counted boots failed; the reason is above"; }
  rm -f "$results"/functions.*
  # Four boots to warm up, three in earnest, and the one whose exits are traced.
  "$here/ledger.d/functions" "$work/blocks" "$base/System.map" 8 >"$to"
  unstage
}
