// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <optional>

#include <signal.h>

#include "base/fd.hpp"

namespace mayfly::vmm {

/// The signals that are mayfly's to handle, read from a descriptor instead of interrupting anything. Those
/// that the caller had ignored (nohup, a shell's background job) stay ignored. SIGPIPE and
/// SIGXFSZ are ignored, so that a write to a reader that went away, or beyond a limit, fails instead of
/// ending mayfly.
///
/// Build it before the first thread, which inherits the blocked set.
class Signals {
 public:
  /// A run's. Throws Error when there is no signalfd to be had.
  Signals() : Signals({SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH}) {}
  /// As above, of other signals.
  Signals(std::initializer_list<int> handled);
  /// Gives mask and what is ignored back as they were.
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  /// Readable when next() has something.
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  /// The next signal that arrived, without blocking.
  [[nodiscard]] std::optional<int> next() noexcept;

 private:
  sigset_t old_mask_{};
  struct sigaction old_pipe_ {};
  struct sigaction old_limit_ {};
  Fd fd_;
};

}  // namespace mayfly::vmm
