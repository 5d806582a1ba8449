# shellcheck shell=bash disable=SC2154,SC2034
# SPDX-License-Identifier: Apache-2.0
#
# On a host of two CPUs that has isolated CPU 1 since it booted.

# The emulated host can lose a guest's wake-up (ci/lab/README.md, Traps): such a boot is ended, and tried again.
booted() {
  local attempt
  for attempt in 1 2 3; do
    mayfly_run --timeline "$WORK/t.json" "$@" </dev/null
    [[ "$status" == 124 || "$status" == 137 ]] || return 0
  done
}

# halts: exits of HLT in the last run, by KVM's own count.
halts() { json "$WORK/t.json" 't["kvm"]["halt_exits"]'; }

# The workload sleeps, so its CPU goes idle again and again.
readonly NAP='for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.05; done; exit 7'

case_idling_is_no_exit_for_a_dedicated_vcpu() {
  booted -- sh -c "$NAP"
  expect_status 7
  (($(halts) >= 10)) || fail "without --dedicated there were only $(halts) exits by HLT"
  booted --dedicated -- sh -c "$NAP"
  expect_status 7
  (($(halts) == 0)) || fail "$(halts) exits by HLT"
}

# one_has_cpu_1 PID: whether it is one thread of the process that may run there alone.
one_has_cpu_1() { [[ "$(grep -l '^Cpus_allowed_list:[[:space:]]*1$' "/proc/$1/task/"*/status | wc -l)" == 1 ]]; }

case_dedicated_vcpu_is_pinned_and_has_its_cpu_alone() {
  # shellcheck disable=SC2153  # set by run_cases
  "$MAYFLY" run --image "$IMAGE" --dedicated-cpus 1 -- sleep 60 </dev/null >"$WORK/out" 2>"$WORK/err" &
  local mayfly=$!
  # shellcheck disable=SC2064  # the number as it is now
  trap "kill -KILL $mayfly" EXIT
  # A thread that the vCPU starts is on its CPU for a moment.
  await "$mayfly" one_has_cpu_1 "$mayfly"
  mayfly_run --dedicated -- true </dev/null
  expect_status 125
  expect_err_has 'other runs with --dedicated have CPU 1'
  trap - EXIT
  kill -KILL "$mayfly"
  wait "$mayfly"
  # The lab's KVM leaves MWAIT to guests as well.
  booted --dedicated -- grep -qw monitor /proc/cpuinfo
  expect_status 0
}

case_shared_absent_and_too_few_cpus_are_refused() {
  mayfly_run --dedicated --cpus 2 -- true </dev/null
  expect_status 125
  expect_err_has '--dedicated: 2 vCPUs need an isolated CPU each, and only 1 is isolated'
  mayfly_run --dedicated-cpus 0 -- true </dev/null
  expect_status 125
  expect_err_has '--dedicated: CPU 0 is shared with all other processes'
  mayfly_run --dedicated-cpus 1,70 -- true </dev/null
  expect_status 125
  expect_err_has '--dedicated: CPU 70 is not online; online are 0-1'
}

case_doctor_says_that_it_works() {
  "$MAYFLY" doctor >"$WORK/out" || fail "status $?: $(<"$WORK/out")"
  grep -q '^ok    isolation.isolated-cpus    1$' "$WORK/out" || fail "$(grep isolation. "$WORK/out")"
  grep -q '^ok    isolation.dedicated  .* for up to 1 vCPUs$' "$WORK/out" || fail "$(grep isolation. "$WORK/out")"
  grep -q '^ok    kvm.ept-npt   *on$' "$WORK/out" || fail "$(grep kvm. "$WORK/out")"
}
