// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace mayfly::image {

/// SIGINT, SIGTERM or SIGHUP came: unwinds the build, so that every destructor removes what it made.
struct Interrupted {
  int signal;
};

/// From now on these signals are noted instead of ending the process, and SIGXFSZ becomes EFBIG. Main thread,
/// once.
void catch_interrupts();

/// Waits until `fd` can be read from or is at its end; false when a signal has been noted, be it just before.
/// For inputs that may keep us waiting, such as a FIFO, and for callbacks that must not throw.
[[nodiscard]] bool wait_readable(int fd) noexcept;

/// Throws Interrupted when a signal has been noted; called for each member and each piece of data.
void check_interrupt();

/// Ends the process by the signal, as if it had not been caught.
[[noreturn]] void die_by(Interrupted interrupted);

}  // namespace mayfly::image
