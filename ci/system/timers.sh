# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# The kernel's own tests of timers, from its source package. Source it from the root of the checkout.

# Those that neither set the clock nor suspend the machine, but for rtcpie, since a guest has no RTC.
readonly TIMER_TESTS=(posix_timers nanosleep nsleep-lat set-timer-lat mqueue-lat inconsistency-check raw_skew threadtest)

# Makes build/timers/timers.img, and the same tests for the lab's host beside it in build/timers/root.
build_timers() {
  local from=linux-source-6.12/tools/testing/selftests to=build/timers source test
  source="$(mktemp -d)"
  mkdir -p "$to/root"
  tar -x -f /usr/src/linux-source-6.12.tar.xz -C "$source" "$from/timers" "$from/kselftest.h"
  for test in "${TIMER_TESTS[@]}"; do
    gcc -O2 -static -D_GNU_SOURCE -w -o "$to/root/$test" "$source/$from/timers/$test.c"
  done
  rm -rf "$source"
  build/bin/mayfly-image build --quiet --from "$to/root" --output "$to/timers.img"
}
