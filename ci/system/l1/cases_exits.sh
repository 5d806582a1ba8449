# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: Apache-2.0
#
# `mayfly exits` beside guests whose exits are known otherwise.

# Writes a line each time it wakes up, until its VM is ended.
readonly WAKE_AND_WRITE='while :; do echo up; sleep 0.05; done'

# start_guest: a VM that runs on, as $guest; ready when its workload has written.
start_guest() {
  "$MAYFLY" run --image "$IMAGE" -- sh -c "$WAKE_AND_WRITE" </dev/null >"$WORK/out" 2>"$WORK/err" &
  guest=$!
  # shellcheck disable=SC2064  # the number as it is now
  trap "kill -KILL $guest" EXIT
  await "$guest" has_line "$WORK/out" up
}

# has_events PID COUNT: whether a process has opened so many of the kernel's events.
has_events() { [[ "$(find "/proc/$1/fd" -lname '*perf_event*' | wc -l)" == "$2" ]]; }

# count_of FILE GROUP NAME: a count of a report; 0 where there is none.
count_of() { json "$1" "t['counts']['$2'].get('$3', 0)"; }

case_exits_of_a_running_guest_are_named() {
  start_guest
  "$MAYFLY" exits "$guest" --seconds 3 --json >"$WORK/exits.json" 2>"$WORK/err" || fail "status $?: $(<"$WORK/err")"
  local each
  for each in 'reason hlt' 'reason msr' 'vcpu 0' 'msr 0x6e0 write TSC_DEADLINE' 'user_exit mmio' 'kvm halt_exits'; do
    (($(count_of "$WORK/exits.json" "${each%% *}" "${each#* }") > 0)) || fail "no '$each' in $(<"$WORK/exits.json")"
  done
  [[ "$(json "$WORK/exits.json" "sum(t['counts']['reason'].values()) == t['exits'] == t['counts']['vcpu']['0']")" == True ]] ||
    fail "exits do not add up: $(<"$WORK/exits.json")"
  # Alone on the host, it needs no number.
  "$MAYFLY" exits --seconds 1 >"$WORK/out2" 2>"$WORK/err" || fail "status $?: $(<"$WORK/err")"
  grep -q '^hlt  *[0-9]' "$WORK/out2" || fail "the table has no hlt: $(<"$WORK/out2")"
  "$MAYFLY" exits --compare "$WORK/exits.json" "$WORK/exits.json" >"$WORK/out2" || fail "cannot compare"
  grep -q '^hlt .* =$' "$WORK/out2" || fail "a report differs from itself: $(<"$WORK/out2")"
}

# It has its tick from a timer that goes on by itself. A vCPU that this lab does not run for some ticks does without for a while, so
# one of ten times is enough; with a timer that must be set each time there are as many writes as interrupts.
case_guest_that_works_does_not_set_its_timer_for_each_tick() {
  local try few="2 * sum(n for name, n in t['counts']['msr'].items() if 'TIMER' in name or 'DEADLINE' in name) < t['counts']['kvm']['irq_injections']"
  "$MAYFLY" run --image "$IMAGE" -- sh -c 'echo up; while :; do :; done' </dev/null >"$WORK/out" 2>"$WORK/err" &
  guest=$!
  # shellcheck disable=SC2064  # the number as it is now
  trap "kill -KILL $guest" EXIT
  await "$guest" has_line "$WORK/out" up
  for ((try = 0; try < 10; try++)); do
    "$MAYFLY" exits "$guest" --seconds 2 --json >"$WORK/exits.json" 2>"$WORK/err" || fail "status $?: $(<"$WORK/err")"
    [[ "$(json "$WORK/exits.json" "t['counts']['kvm'].get('irq_injections', 0) >= 50 and $few")" != True ]] || return 0
  done
  fail "a write of a timer for each interrupt: $(<"$WORK/exits.json")"
}

# Unit tests whose guest writes registers, on hardware and on a KVM that has such timers.
case_kvm_gives_a_guest_timers_and_nothing_else_of_hyper_v() {
  "$REPO/build/test/mayfly_kvm_test" >"$WORK/out" 2>&1 || fail "$(tail -n 30 "$WORK/out")"
  [[ "$(<"$WORK/out")" != *SKIPPED* ]] || fail "skipped: $(tail -n 3 "$WORK/out")"
}

case_exits_are_counted_until_the_vm_ends() {
  start_guest
  "$MAYFLY" exits "$guest" >"$WORK/out2" 2>"$WORK/err" &
  local exits=$!
  await "$exits" grep -q '^hlt ' "$WORK/out2"
  trap - EXIT
  kill -KILL "$guest"
  wait "$guest"
  wait "$exits" || fail "status $?: $(<"$WORK/err")"
  ! "$MAYFLY" exits "$guest" 2>"$WORK/err" || fail "a process that is gone was followed"
  grep -q "^mayfly: there is no process $guest$" "$WORK/err" || fail "$(<"$WORK/err")"
}

# count_boot OPTION...: counts the host's exits while a VM of these options does nothing, in $WORK/exits.json.
count_boot() {
  "$MAYFLY" exits --all --json >"$WORK/exits.json" 2>"$WORK/err" &
  local exits=$!
  # It has an event of each kind open: it counts long before a guest runs.
  await "$exits" has_events "$exits" 8
  mayfly_run "$@" -- true </dev/null
  expect_status 0
  kill -TERM "$exits"
  wait "$exits" || fail "status $?: $(<"$WORK/err")"
}

# Each boot mark is one write to port 0x80, by mayfly's own count: all are seen, and each once.
case_exits_of_a_whole_boot_agree_with_its_timeline() {
  count_boot --timeline "$WORK/t.json"
  local seen own
  seen="$(count_of "$WORK/exits.json" port '0x80 write') $(count_of "$WORK/exits.json" user_exit mmio)"
  own="$(json "$WORK/t.json" "t['exits']['boot_mark']") $(json "$WORK/t.json" "t['exits']['mmio_read'] + t['exits']['mmio_write']")"
  [[ "$seen" == "$own" ]] || fail "boot marks and MMIO exits: $seen, by mayfly's own count $own"
}

# Else each is two stores to MMIO, which KVM must emulate. What a second processor is started with are IPIs already.
case_ipis_go_by_msr() {
  count_boot --cpus 2
  (($(count_of "$WORK/exits.json" msr '0x830 write X2APIC_ICR') > 0)) || fail "none in $(<"$WORK/exits.json")"
}

case_exits_need_rights() {
  start_guest
  ! setpriv --reuid 65534 --regid 65534 --clear-groups "$MAYFLY" exits --all 2>"$WORK/err" || fail "nobody may count exits"
  grep -q 'run this as root' "$WORK/err" || fail "$(<"$WORK/err")"
}

# What a guest that idles makes by itself in a second, for each vCPU. `interrupt` and `vintr` are left out: they are the host's
# own interrupts, of which a slow machine has more while the guest runs. What wakes up an idle guest is timers, which do not
# depend on the machine: with proactive compaction it is over ten a second.
readonly kIdleExitsMax=2

# What a boot leaves to do takes some seconds, or minutes where the guest is starved, with a tick for each four milliseconds
# of it: an idle guest is counted until it is let alone, so many times.
readonly kIdleTries=10

# expect_idle CPUS: a guest of so many vCPUs with nothing to do comes to rest.
expect_idle() {
  local own try
  "$MAYFLY" run --cpus "$1" --image "$IMAGE" -- sh -c 'echo up; exec sleep infinity' </dev/null >"$WORK/out" 2>"$WORK/err" &
  guest=$!
  # shellcheck disable=SC2064  # the number as it is now
  trap "kill -KILL $guest" EXIT
  await "$guest" has_line "$WORK/out" up
  sleep 10
  own="sum(n for why, n in t['counts']['reason'].items() if why not in ('interrupt', 'vintr')) / $1 / (t['duration_ns'] / 1e9)"
  for ((try = 0; try < kIdleTries; try++)); do
    "$MAYFLY" exits "$guest" --seconds 30 --json >"$WORK/exits.json" 2>"$WORK/err" || fail "status $?: $(<"$WORK/err")"
    [[ "$(json "$WORK/exits.json" "t['duration_ns'] >= 30e9 and $own <= $kIdleExitsMax")" != True ]] || return 0
  done
  fail "an idle guest of $1 vCPUs makes more than $kIdleExitsMax exits a second on each: $(json "$WORK/exits.json" \
    "round($own, 1), t['duration_ns'], t['counts']['reason'], t['counts'].get('msr')")"
}

case_exits_of_an_idle_guest_are_few() { expect_idle 1; }
case_exits_of_two_idle_vcpus_are_few() { expect_idle 2; }

# Each interrupt of the timer has it armed once, and a thread that sleeps once more: for its tick as it wakes up, for its own
# time as it goes to sleep. Without the patches of ticks it is twice more where an idle CPU wakes up for it. How many ticks
# fire besides, as on a slow machine, does not matter.
case_a_sleep_arms_its_timer_twice() {
  "$MAYFLY" run --image "$IMAGE" -- python3 -c 'import time
while True:
    print("up", flush=True)
    for _ in range(20): time.sleep(0.02)' </dev/null >"$WORK/out" 2>"$WORK/err" &
  guest=$!
  # shellcheck disable=SC2064  # the number as it is now
  trap "kill -KILL $guest" EXIT
  await "$guest" has_line "$WORK/out" up
  sleep 5
  local slept more
  slept="$(wc -l <"$WORK/out")"
  "$MAYFLY" exits "$guest" --seconds 20 --json >"$WORK/exits.json" 2>"$WORK/err" || fail "status $?: $(<"$WORK/err")"
  slept=$((20 * ($(wc -l <"$WORK/out") - slept)))
  more=$(($(count_of "$WORK/exits.json" msr '0x6e0 write TSC_DEADLINE') - $(count_of "$WORK/exits.json" kvm irq_injections)))
  ((slept > 0 && 2 * more <= 3 * slept)) || fail "$slept sleeps have armed the timer $more times more than there were interrupts"
}

# What its kernel takes for a short time is longer here, where all that it does takes some hundred times as long.
case_threads_that_wake_each_other_up_need_no_ipi() {
  mayfly_run --cpus 2 --cmdline-append sched_short_ns=200000000 -- python3 -c 'import os
def ipis():
    return sum(sum(map(int, line.split()[1:3])) for line in open("/proc/interrupts") if line.split()[0] in ("RES:", "CAL:"))
there, back = os.pipe(), os.pipe()
if os.fork() == 0:
    os.sched_setaffinity(0, {1}) # begins on the other CPU
    os.sched_setaffinity(0, {0, 1})
    while os.read(there[0], 1): os.write(back[1], b"x")
def rounds(count):
    for _ in range(count):
        os.write(there[1], b"x")
        os.read(back[0], 1)
rounds(20)
before = ipis()
rounds(200)
print(ipis() - before)' </dev/null
  expect_status 0
  ((out <= 40)) || fail "$out IPIs for 200 times two wake-ups"
}
