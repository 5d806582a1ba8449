# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: Apache-2.0
#
# What takes minutes in the lab.

case_sixty_four_cpus() {
  CASE_SECONDS=900 mayfly_run --cpus 64 --memory 1G -- nproc </dev/null
  expect_status 0
  expect_out 64
}

# What a test of timers says that it does not pass. Which thread gets a timer's signal is up to the scheduler, and ITIMER_PROF
# and ITIMER_VIRTUAL take as much time of a processor as of the wall, which no guest in the lab gets.
not_ok() {
  grep -oE 'not ok.*|\[FAILED\].*' | sed 's/not ok [0-9]* //' | grep -vE 'signal distribution|ITIMER_(PROF|VIRTUAL)' | sort
}

# timers_pass TEST ARGUMENT...: in the guest all that passes on this host; the tests are newer than the kernel.
timers_pass() {
  local failed
  IMAGE="$REPO/build/timers/timers.img" CASE_SECONDS=900 mayfly_run -- "/$1" "${@:2}" </dev/null
  failed="$(comm -13 <("$REPO/build/timers/root/$1" "${@:2}" | not_ok) <(not_ok <<<"$out"))"
  [[ -z $failed ]] || fail "$1: ${failed//$'\n'/, }"
  [[ -n $out && $status -le 1 ]] || fail "$1 ended with status $status; stdout is '${out:0:300}', stderr ${err:0:300}"
}

case_timers_pass_posix_timers() { timers_pass posix_timers; }
case_timers_pass_nanosleep() { timers_pass nanosleep; }
case_timers_pass_nsleep_lat() { timers_pass nsleep-lat; }
case_timers_pass_set_timer_lat() { timers_pass set-timer-lat; }
case_timers_pass_mqueue_lat() { timers_pass mqueue-lat; }
case_timers_pass_inconsistency_check() { timers_pass inconsistency-check -t 5; }
case_timers_pass_raw_skew() { timers_pass raw_skew; }
case_timers_pass_threadtest() { timers_pass threadtest -n 4 -t 10; }
