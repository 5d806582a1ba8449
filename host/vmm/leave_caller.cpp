// SPDX-License-Identifier: Apache-2.0
#include "vmm/leave_caller.hpp"

#include <csignal>

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fd.hpp"

namespace mayfly::vmm {

void leave_caller(const char* name, CallersStderr callers) noexcept {
  ::setsid();
  for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE}) {
    static_cast<void>(std::signal(number, SIG_IGN));
  }
  static_cast<void>(::prctl(PR_SET_NAME, name, 0UL, 0UL, 0UL));
  // Whatever it opens is not to be taken for stdio.
  const Fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const int last = callers == CallersStderr::kKept ? STDOUT_FILENO : STDERR_FILENO;
  for (int number = STDIN_FILENO; number <= last; ++number) {
    static_cast<void>(::dup2(nothing.get(), number));
  }
}

}  // namespace mayfly::vmm
