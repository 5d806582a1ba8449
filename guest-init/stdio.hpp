// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "guest-init/failure.hpp"
#include "guest-init/protocol/launch.hpp"
#include "guest-init/user.hpp"

namespace mayfly::init {

/// The workload's stdin, stdout and stderr: both ends. Descriptors are close-on-exec; -1 is none.
struct Stdio {
  enum class Kind { kPipes, kTerminal };

  Kind kind = Kind::kPipes;
  int input = -1;  ///< Init writes stdin here, never blocking. A terminal: its master.
  std::array<int, 2> output{-1,
                            -1};  ///< Init reads stdout and stderr here. A terminal: its master, and none.
  std::array<int, 3> workload{-1, -1, -1};  ///< What becomes descriptors 0, 1 and 2 of the workload.

  /// Closes the workload's ends: after the start, only the workload holds them.
  void close_workload_ends() noexcept;
};

/// Makes three pipes, or a terminal of the size that the request names. They belong to `user`, who can then
/// open /dev/stdout and its like.
[[nodiscard]] Step open_stdio(const std::optional<protocol::TerminalSize>& terminal, const User& user,
                              Stdio& stdio) noexcept;

/// Tells the terminal its size; the kernel signals SIGWINCH.
void resize_terminal(int master, protocol::TerminalSize size) noexcept;

/// Ends the terminal's input as its user would, by the end-of-file character; twice in the midst of a line
/// (`last` is the byte before), where the first one only completes the line. Does nothing in raw mode.
void end_terminal_input(int master, char last) noexcept;

}  // namespace mayfly::init
