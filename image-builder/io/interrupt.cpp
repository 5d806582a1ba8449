// SPDX-License-Identifier: Apache-2.0
#include "image-builder/io/interrupt.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <initializer_list>

#include <poll.h>
#include <sys/eventfd.h>

#include "host/base/error.hpp"

namespace mayfly::image {
namespace {

volatile std::sig_atomic_t noted_signal = 0;

// Readable from the first signal on: what a flag alone cannot tell to a poll(2) that is about to begin.
int signal_event = -1;

extern "C" void mayfly_image_note_signal(int signal) {
  const int saved = errno;
  noted_signal = signal;
  static_cast<void>(::eventfd_write(signal_event, 1));
  errno = saved;
}

}  // namespace

void catch_interrupts() {
  signal_event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (signal_event < 0) {
    fail_errno("cannot make an event descriptor");
  }
  struct sigaction action {};
  action.sa_handler = mayfly_image_note_signal;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    ::sigaction(signal, &action, nullptr);
  }
  static_cast<void>(std::signal(SIGXFSZ, SIG_IGN));
}

bool wait_readable(int fd) noexcept {
  std::array<pollfd, 2> watched = {{{fd, POLLIN, 0}, {signal_event, POLLIN, 0}}};
  while (::poll(watched.data(), watched.size(), -1) < 0 && errno == EINTR) {
  }
  return watched[1].revents == 0;
}

void check_interrupt() {
  if (noted_signal != 0) {
    throw Interrupted{noted_signal};
  }
}

void die_by(Interrupted interrupted) {
  static_cast<void>(std::signal(interrupted.signal, SIG_DFL));
  static_cast<void>(std::raise(interrupted.signal));
  std::_Exit(128 + interrupted.signal);
}

}  // namespace mayfly::image
