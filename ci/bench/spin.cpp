// SPDX-License-Identifier: Apache-2.0
//
// Runs whenever nothing else wants to. An emulator that counts instructions is slow at a kernel that idles by
// polling, some ten million a second: each PAUSE leaves its main loop. This is thirty times as quick, and
// makes way at once.
#include <sched.h>

int main() {
  const sched_param parameters{};
  if (::sched_setscheduler(0, SCHED_IDLE, &parameters) != 0) {
    return 1;
  }
  for (;;) {
    asm volatile("");
  }
}
