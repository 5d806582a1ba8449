# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154  # The options are set in options.sh, the run in run.sh.
#
# One run: its own directory, L1 in a process group of its own, output as it comes, the status at the end.

# What a signal or an error must not leave behind.
run_dir=""
l1_pid=""
helpers=()
watches=()

# Ends and removes all of that, at exit however it comes.
end_run() {
  if [[ -n $l1_pid ]]; then
    kill -TERM -- "-$l1_pid" 2>/dev/null || true
    kill -KILL -- "-$l1_pid" 2>/dev/null || true
    wait "$l1_pid" 2>/dev/null || true
    l1_pid=""
  fi
  [[ ${#helpers[@]} -eq 0 ]] || kill "${helpers[@]}" 2>/dev/null || true
  [[ ${#watches[@]} -eq 0 ]] || kill "${watches[@]}" 2>/dev/null || true
  [[ -z $run_dir ]] || rm -rf "$run_dir"
}

# Makes the run's own directory.
begin_run() {
  trap end_run EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  run_dir="$(mktemp -d "${TMPDIR:-/tmp}/lab.XXXXXX")"
  mkdir "$run_dir/outcome"
  mkfifo "$run_dir/never"
  touch "$run_dir/console" "$run_dir/outcome/stdout" "$run_dir/outcome/stderr"
}

# Starts a command in a process group of its own, which dies with this process. Its own words go to the file `emulator`.
start_l1() {
  set -m
  setpriv --pdeathsig KILL "$@" </dev/null >"$run_dir/emulator" 2>&1 &
  set +m
  l1_pid=$!
  l1_started=$SECONDS
}

# Ends L1 at the time limit, after it has left on its console where it was.
_limit_l1() {
  read -r -t "$time_limit" <>"$run_dir/never" || true
  if [[ -p $run_dir/monitor.in ]]; then
    echo nmi >"$run_dir/monitor.in"
    read -r -t 2 <>"$run_dir/never" || true
  fi
  kill -KILL -- "-$l1_pid"
}

# Presses a key of L1's every five seconds, until it is killed. QEMU 7.2's VMRUN notes a virtual interrupt for L2 (V_IRQ) without its
# lock, over what another thread notes at that moment: a timer's interrupt may wait in L1's APIC while L1, halted, is never told.
# The next interrupt, whichever it is, has L1 told of both. Counted runs have one thread for both, and need none.
_nudge_l1() {
  cat "$run_dir/monitor.out" >/dev/null &
  trap 'kill $!' EXIT
  trap 'exit' TERM
  until read -r -t 5 <>"$run_dir/never" || ! kill -0 "$l1_pid" 2>/dev/null; do
    echo 'sendkey shift' >"$run_dir/monitor.in"
  done
}

# Copies a file of the run to stdout as it grows, until L1 has ended.
_follow() {
  exec setpriv --pdeathsig TERM tail --follow --bytes=+1 --sleep-interval=0.1 --pid="$l1_pid" "$1"
}

# Waits for L1 to end, with its output and, when asked for, its console copied meanwhile.
await_l1() {
  _follow "$run_dir/outcome/stdout" &
  helpers+=($!)
  _follow "$run_dir/outcome/stderr" >&2 &
  helpers+=($!)
  if [[ $verbose == yes ]]; then
    _follow "$run_dir/console" >&2 &
    helpers+=($!)
  fi
  _limit_l1 &
  watches=($!)
  if [[ -p $run_dir/monitor.in && $counted == no ]]; then
    _nudge_l1 &
    watches+=($!)
  fi
  wait "$l1_pid" || true
  l1_pid=""
  kill "${watches[@]}" 2>/dev/null || true
  watches=()
  # A helper whose reader is gone ends with an error of its own, which is no concern of the run.
  wait "${helpers[@]}" || true
  helpers=()
}

# Ends the lab: with CMD's status, or with the reason why there is none.
exit_with_status() {
  if [[ -f $run_dir/outcome/status ]]; then
    exit "$(<"$run_dir/outcome/status")"
  fi
  {
    sed 's/^/  emulator: /' "$run_dir/emulator"
    tr -d '\r' <"$run_dir/console" | tail -n 100 | sed 's/^/  console: /'
  } >&2
  if [[ $((SECONDS - l1_started)) -ge $time_limit ]]; then
    echo "lab: the time limit of $time_limit s is over and L1 was ended, where its console shows; allow more with --timeout" >&2
    exit 124
  fi
  die "L1 ended without a result of the command; the end of its console is above"
}

# Runs the job in QEMU.
run_in_qemu() {
  local program initrd
  program="$(emulator_for "$lab_dir")"
  initrd="$(initramfs_for "$lab_dir" "$modules")"
  begin_run
  if [[ $mode == share ]]; then
    write_job "$run_dir/outcome/job"
  else
    initrd="$(packed_initramfs "$initrd")"
  fi
  local -a qemu
  qemu_command "$program" "$run_dir" "$kernel" "$initrd"
  start_l1 "${qemu[@]}"
  await_l1
  exit_with_status
}

# Prints the path of an initramfs for this run: the base, the packed files and the job.
packed_initramfs() {
  local base="$1" tree="$run_dir/tree"
  mkdir -p "$tree/lab"
  write_job "$tree/lab/job"
  pack_files "$tree" ${files[@]+"${files[@]}"}
  write_cpio "$tree" "$run_dir/files.cpio"
  cat "$base" "$run_dir/files.cpio" >"$run_dir/initramfs"
  rm -rf "$tree" "$run_dir/files.cpio"
  echo "$run_dir/initramfs"
}
