// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <signal.h>

#include "base/fd.hpp"

namespace mayfly::cli {

/// SIGINT, SIGTERM, SIGHUP and SIGQUIT as a descriptor, for as long as this lives.
class EndSignals {
 public:
  /// Throws Error when there is no signalfd to be had.
  EndSignals();
  ~EndSignals();
  EndSignals(const EndSignals&) = delete;
  EndSignals& operator=(const EndSignals&) = delete;

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  /// The signal that came, without waiting.
  [[nodiscard]] std::optional<int> next() noexcept;
  /// The mask that was before: a child's.
  [[nodiscard]] const sigset_t& mask_before() const noexcept { return before_; }

 private:
  sigset_t before_{};
  Fd fd_;
};

/// How a child ended, and what it left.
struct ChildEnd {
  /// As a shell has it: 128+N when signal N ended it.
  int status = 0;
  /// A signal that came meanwhile; the child was killed.
  std::optional<int> interrupted{};
  /// It was still there when the time was over, and was killed.
  bool overdue = false;
  /// CLOCK_MONOTONIC when this process knew of it.
  std::uint64_t ended_ns = 0;
  std::string timeline{};
  /// The last 16 KiB of the guest's console, and of what it wrote to stderr.
  std::string console{};
  std::string errors{};
};

/// Runs `program` with `words` (those of `mayfly run`, without --timeline and --console), then `command`
/// after
/// "--" unless empty, in a process group of its own, and waits for its end, at most `patience_ns`. Stdin and
/// stdout are nowhere. Nothing is left behind, even when this process is killed. Throws Error.
[[nodiscard]] ChildEnd run_child(const std::string& program, std::vector<std::string> words,
                                 const std::vector<std::string>& command, EndSignals& signals,
                                 std::uint64_t patience_ns);

}  // namespace mayfly::cli
