# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Counting and printing of checks for ci/test. Source it after build.sh and unchanged.sh;
# then `run_stage`, the `check_*` functions and `report_total`.

_report_logs="build/test-logs"
_report_passed=0
_report_failed=0
_report_skipped=0
_report_unchanged=0
_report_stage=""
_report_lines=()
_report_since=0

# Begins a report: forgets what the last one noted.
report_begin() {
  mkdir -p "$_report_logs"
  rm -f "$_report_logs/seconds"
}

# _report_took NAME: notes that what has gone on since the last note was NAME.
_report_took() {
  local now="${EPOCHREALTIME%[.,]*}"
  printf '%s s %s\n' $((now - _report_since)) "$1" >>"$_report_logs/seconds"
  _report_since="$now"
}

# Counts one finished check, given its line, and notes how long it took.
_report_line() {
  printf '%s\n' "$1"
  case "$1" in
    ok\ *) _report_passed=$((_report_passed + 1)) && _report_lines+=("$1") ;;
    FAIL\ *) _report_failed=$((_report_failed + 1)) ;;
    skip\ *) _report_skipped=$((_report_skipped + 1)) ;;
  esac
  local name="${1#* }"
  _report_took "${name%%[: ]*}"
}

# run_stage NAME SCOPE: runs stage_NAME; a stage that stops early is a failed check of its own. With MAYFLY_TEST_REUSE=yes
# one that has passed whole, and could read nothing else now (unchanged.sh has SCOPE), only shows its lines again.
run_stage() {
  _report_stage="$1"
  _report_since="${EPOCHREALTIME%[.,]*}"
  _report_lines=()
  local began=$SECONDS passed=$_report_passed others=$((_report_failed + _report_skipped)) key
  mkdir -p "$_report_logs"
  echo "== $1"
  key="$(unchanged_key "$@")" || key=""
  if [[ "${MAYFLY_TEST_REUSE:-}" != yes ]] || ! _report_again "$1" "$key"; then
    "stage_$1" || _report_line "FAIL $1: the stage stopped early (status $?)"
    # What changed while it ran is not what passed.
    if ((_report_passed > passed && _report_failed + _report_skipped == others)) && [[ -n "$key" && "$key" == "$(unchanged_key "$@")" ]]; then
      printf '%s\n' "${_report_lines[@]}" | unchanged_keep "$1" "$key" $((_report_passed - passed))
    fi
  fi
  echo "== $1: $((SECONDS - began)) s"
}

# Shows and counts what is kept of a stage under the key, if anything is.
_report_again() {
  local kept count when line
  kept="$(unchanged_kept "$@")" || return
  {
    read -r count when
    while IFS= read -r line; do
      echo "$line (unchanged, passed on $when)"
    done
  } <<<"$kept"
  _report_passed=$((_report_passed + count))
  _report_unchanged=$((_report_unchanged + count))
}

# run_beside N STAGE...: runs `ci/test STAGE` for each, N at a time, begun in this order. The lines of a stage come together
# in this order too: as it prints them, or when its turn comes.
run_beside() {
  local at_a_time="$1" stage runner
  shift
  rm -f "$_report_logs"/stage-*
  # shellcheck disable=SC2016  # for that shell
  printf '%s\n' "$@" | MAYFLY_TEST_PREPARED=yes xargs -P "$at_a_time" -I '{}' sh -c \
    'echo $$ >"$1/stage-$2.pid" && exec ci/test "$2" >"$1/stage-$2" 2>&1 </dev/null' sh "$_report_logs" '{}' &
  runner=$!
  for stage; do
    until [[ -s "$_report_logs/stage-$stage.pid" ]] || ! kill -0 "$runner" 2>/dev/null; do sleep 0.2; done
    _report_follow "$_report_logs/stage-$stage"
  done
  wait "$runner" || true
}

# Shows and counts what a stage prints, into its log, until it ends.
_report_follow() {
  touch "$1"
  tail --follow --lines=+1 --sleep-interval=0.2 --pid="$(<"$1.pid")" "$1" 2>/dev/null |
    sed -u -E '/^[0-9]+ (passed|skipped|unchanged)/d' || true
  local last unchanged
  last="$(tail -n 1 "$1")"
  unchanged="$(sed -n 's/^\([0-9]*\) unchanged .*/\1/p' "$1")"
  if [[ ! $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    _report_line "FAIL ${1##*/}: it ended early"
    return
  fi
  _report_passed=$((_report_passed + BASH_REMATCH[1]))
  _report_failed=$((_report_failed + BASH_REMATCH[2]))
  _report_skipped=$((_report_skipped + $(grep -c '^skip ' "$1" || true)))
  _report_unchanged=$((_report_unchanged + ${unchanged:-0}))
}

# check_build PRESET [TARGET...]: a preset that cannot be built is a failed check.
check_build() {
  if build_preset "$@"; then
    _report_took "build-$1"
  else
    _report_line "FAIL build-$1: it does not build"
  fi
}

# check_log NAME CMD...: one check that passes when CMD does; its output goes to a log, whose end is shown on failure.
check_log() {
  local name="$1" log="$_report_logs/$1.log"
  shift
  if "$@" >"$log" 2>&1 </dev/null; then
    _report_line "ok $name"
  else
    tail -n 40 "$log"
    _report_line "FAIL $name: \`$*\` failed (log: $log)"
  fi
}

# check_each CMD...: CMD prints one `ok|skip|FAIL NAME` line a check; all else that it prints is shown as it comes. A
# CMD that fails without a FAIL line, or without any line, counts as failed.
check_each() {
  local before_failed=$_report_failed before_all=$((_report_passed + _report_failed + _report_skipped))
  local line status_file
  status_file="$(mktemp)"
  while IFS= read -r line; do
    case "$line" in
      ok\ * | FAIL\ * | skip\ *) _report_line "$line" ;;
      [0-9]*\ passed,\ *) ;;
      *) printf '   %s\n' "$line" ;;
    esac
  done < <(
    status=0
    "$@" 2>&1 </dev/null || status=$?
    echo "$status" >"$status_file"
  )
  local status
  status="$(<"$status_file")"
  rm -f "$status_file"
  if [[ "${status:-lost}" != 0 && $_report_failed == "$before_failed" ]]; then
    _report_line "FAIL ${_report_stage}: \`$*\` ended with status ${status:-lost} and no failed check"
  elif ((_report_passed + _report_failed + _report_skipped == before_all)); then
    _report_line "FAIL ${_report_stage}: \`$*\` ran no check"
  fi
}

# check_ctest NAME BUILD_DIR: each test case is a check; only those that do not pass are shown.
check_ctest() {
  mkdir -p "$_report_logs"
  local name="$1" build="$2" log="$_report_logs/$1.log" result="$_report_logs/$1.xml"
  rm -f "$result"
  ctest --test-dir "$build" --output-on-failure --parallel 2 --output-junit "$PWD/$result" >"$log" 2>&1 || true
  if [[ ! -s "$result" ]]; then
    tail -n 20 "$log"
    _report_line "FAIL $name: ctest gave no result (log: $log)"
    return 0
  fi
  local passed failed skipped
  read -r passed failed skipped < <(python3 ci/lib/junit_counts.py "$result")
  if ((passed == 0)); then
    _report_line "FAIL $name: no test ran (log: $log)"
  fi
  if ((failed > 0)); then
    sed -n '/tests failed out of/,$p' "$log"
    grep -B2 -A8 'Failure$' "$log" | head -n 60 || true
  fi
  echo "   $name: $passed passed, $failed failed, $skipped skipped"
  _report_lines+=("   $name: $passed passed")
  _report_passed=$((_report_passed + passed))
  _report_failed=$((_report_failed + failed))
  _report_skipped=$((_report_skipped + skipped))
  _report_took "$name"
}

# Prints what took longest, what the counts leave open, and as the last line the counts; fails when a check failed or none passed.
report_total() {
  if [[ -z "${MAYFLY_TEST_PREPARED:-}" && -s "$_report_logs/seconds" ]]; then
    echo "slowest: $(sort -rn "$_report_logs/seconds" | head -n 8 | paste -sd , | sed 's/,/, /g')"
  fi
  ((_report_skipped == 0)) || echo "$_report_skipped skipped (the reasons stand above)"
  ((_report_unchanged == 0)) || echo "$_report_unchanged unchanged since they passed, and not run again; ci/test --all runs them"
  echo "$_report_passed passed, $_report_failed failed"
  ((_report_failed == 0 && _report_passed > 0))
}
