# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Counting and printing of checks for ci/test. Source it after build.sh;
# then `run_stage`, the `check_*` functions and `report_total`.

_report_logs="build/test-logs"
_report_passed=0
_report_failed=0
_report_skipped=0
_report_stage=""

# Counts one finished check, given its line.
_report_line() {
  printf '%s\n' "$1"
  case "$1" in
    ok\ *) _report_passed=$((_report_passed + 1)) ;;
    FAIL\ *) _report_failed=$((_report_failed + 1)) ;;
    skip\ *) _report_skipped=$((_report_skipped + 1)) ;;
  esac
}

# run_stage NAME: runs stage_NAME; a stage that stops early is a failed check of its own.
run_stage() {
  _report_stage="$1"
  local began=$SECONDS
  mkdir -p "$_report_logs"
  echo "== $1"
  "stage_$1" || _report_line "FAIL $1: the stage stopped early (status $?)"
  echo "== $1: $((SECONDS - began)) s"
}

# run_lanes CMD...: runs commands at the same time, each of which ends with a line of counts as ours does. The first one's
# lines come at once, the others' when they are done.
run_lanes() {
  mkdir -p "$_report_logs"
  local lane
  for ((lane = 2; lane <= $#; lane++)); do
    bash -c "${!lane}" >"$_report_logs/lane-$lane" 2>&1 </dev/null &
  done
  bash -c "$1" </dev/null 2>&1 | tee "$_report_logs/lane-1" || true
  wait || true
  for ((lane = 2; lane <= $#; lane++)); do
    cat "$_report_logs/lane-$lane"
  done
  for ((lane = 1; lane <= $#; lane++)); do
    _report_lane "$_report_logs/lane-$lane"
  done
}

# Adds what a lane has counted, given its output.
_report_lane() {
  local last
  last="$(tail -n 1 "$1")"
  if [[ ! $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    _report_line "FAIL ${1##*/}: it ended early"
    return
  fi
  _report_passed=$((_report_passed + BASH_REMATCH[1]))
  _report_failed=$((_report_failed + BASH_REMATCH[2]))
  _report_skipped=$((_report_skipped + $(grep -c '^skip ' "$1" || true)))
}

# check_build PRESET [TARGET...]: a preset that cannot be built is a failed check.
check_build() {
  build_preset "$@" || _report_line "FAIL build-$1: it does not build"
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
  _report_passed=$((_report_passed + passed))
  _report_failed=$((_report_failed + failed))
  _report_skipped=$((_report_skipped + skipped))
}

# Prints the last line; fails when a check failed or none passed.
report_total() {
  local skipped=""
  ((_report_skipped == 0)) || skipped="; $_report_skipped skipped"
  [[ -z "$skipped" ]] || echo "${skipped#; } (the reasons stand above)"
  echo "$_report_passed passed, $_report_failed failed"
  ((_report_failed == 0 && _report_passed > 0))
}
