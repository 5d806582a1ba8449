// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guest-init/protocol/launch.hpp"

namespace mayfly::vmm {

/// The workload gets a terminal when the caller's stdin and stdout both are one.
[[nodiscard]] bool is_terminal(int in, int out) noexcept;

/// The caller's terminal in raw mode, for as long as this lives: every key goes to the guest, whose own
/// terminal echoes, edits and makes ^C a signal. The old mode comes back on destruction, and when the process
/// dies by abort, an assertion or a fault. One at a time, on the main thread.
class Terminal {
 public:
  /// Throws Error when the mode cannot be changed. A background job is stopped here until it is in the
  /// foreground.
  explicit Terminal(int fd);
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  /// As of now; 24 rows of 80 columns when the terminal does not know.
  [[nodiscard]] protocol::TerminalSize size() const noexcept;

 private:
  int fd_;
};

}  // namespace mayfly::vmm
