// SPDX-License-Identifier: Apache-2.0
#include "guest-init/power.hpp"

#include <sys/reboot.h>
#include <unistd.h>

namespace mayfly::init {

void tell_console(const Failure& failure) noexcept {
  Text text;
  text.add("mayfly-init: ").add(failure.text.view());
  text.add(" (errno ").add_number(static_cast<unsigned>(failure.error)).add(")\n");
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text.view().data(), text.view().size());
}

void power_off() noexcept {
  reboot(RB_POWER_OFF);
  for (;;) {
    pause();  // PID 1 must not return: the kernel would panic.
  }
}

}  // namespace mayfly::init
