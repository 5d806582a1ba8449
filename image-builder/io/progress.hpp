// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

namespace mayfly::image {

enum class ProgressMode : std::uint8_t { kShown, kQuiet };

/// How far the build is, on stderr: one live line on a terminal, else a line every few seconds. Silent in the
/// first second, so that short builds print nothing.
class Progress {
 public:
  explicit Progress(ProgressMode mode);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// Removes the live line.
  ~Progress();

  /// A new step begins, of `total` bytes, 0 when not known; `step` is a literal.
  void begin(std::string_view step, std::uint64_t total);
  /// `done` bytes of the step are done. Cheap: looks at the clock and no more, most of the time.
  void update(std::uint64_t done);

 private:
  void print(std::uint64_t done);

  using Clock = std::chrono::steady_clock;
  ProgressMode mode_;
  bool terminal_;
  bool line_shown_ = false;
  Clock::time_point next_;
  std::string_view step_;
  std::uint64_t total_ = 0;
};

}  // namespace mayfly::image
