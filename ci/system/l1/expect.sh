# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034
# SPDX-License-Identifier: Apache-2.0
#
# What cases are written with. MAYFLY, IMAGE, WORK, ALL and reason_file come from run_cases.

# Notes why the case failed, and ends it.
fail() {
  printf '%s\n' "$*" >>"$reason_file"
  exit 1
}

# mayfly_run OPTION... -- CMD...: runs the image; stdout, stderr and status into $out, $err and $status.
mayfly_run() {
  status=0
  timeout --kill-after=5 "${CASE_SECONDS:-120}" "$MAYFLY" run --image "$IMAGE" "$@" >"$WORK/out" 2>"$WORK/err" || status=$?
  out="$(<"$WORK/out")"
  err="$(<"$WORK/err")"
}

# As PID 1 of the guest, instead of mayfly-init: one Python expression without spaces.
python_as_init() { printf 'init=/usr/bin/python3 -- -c %s' "$1"; }

expect_status() { [[ "$status" == "$1" ]] || fail "exit status $status, not $1; stderr: $err"; }
expect_out() { [[ "$out" == "$1" ]] || fail "stdout is '${out:0:300}', not '$1'; stderr: ${err:0:300}"; }
expect_err_has() { [[ "$err" == *"$1"* ]] || fail "stderr lacks '$1': ${err:0:500}"; }
expect_out_has() { [[ "$out" == *"$1"* ]] || fail "stdout lacks '$1': ${out:0:500}"; }

# A tenth of a second; as has_line without a process, which takes as much of the lab's one processor as it waits for.
pause() { read -r -t 0.1 _ <>"$ALL/never" || true; }

# has_line FILE REGEX: whether a whole line of the file is like that.
has_line() {
  local line
  [[ -e "$1" ]] || return
  while IFS= read -r line; do
    [[ ! "$line" =~ ^($2)$ ]] || return 0
  done <"$1"
  return 1
}

# has_lines FILE COUNT PATTERN: whether so many lines have that.
has_lines() { (($(grep -c "$3" "$1") >= $2)); }

# await PID COMMAND...: until the command succeeds. PID is the process that is to bring it about, and is not waited for when it
# has ended; nothing is, for more than ten minutes.
await() {
  local pid="$1" is_there=yes deadline=$((SECONDS + 600))
  shift
  until "$@"; do
    [[ $is_there == yes && $SECONDS -lt $deadline ]] || fail "waited in vain for: $*; $(tail -qn 3 "$WORK"/*err)"
    pause
    [[ -e "/proc/$pid/exe" ]] || is_there=no
  done
}

# there FILE, gone FILE
there() { [[ -e "$1" ]]; }
gone() { [[ ! -e "$1" ]]; }

# kept_python SCRIPT WORD...: as `python3 SCRIPT WORD...` without stdin, in the one process that run_cases starts.
kept_python() {
  local answer
  printf '%s\0' "$@" >"$ALL/python.asks"
  answer="$(<"$ALL/python.answers")"$'\n'
  [[ "${answer%%$'\n'*}" == 0 ]] || { printf '%s' "${answer#*$'\n'}" >&2 && return 1; }
  printf '%s' "${answer#*$'\n'}"
}

# json FILE EXPRESSION: a Python expression over `t`, the object in FILE.
json() { kept_python "$REPO/ci/system/l1/evaluate.py" "$@"; }
