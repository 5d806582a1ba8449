// SPDX-License-Identifier: Apache-2.0
#include "image-builder/io/progress.hpp"

#include <algorithm>
#include <cstdio>

#include <unistd.h>

namespace mayfly::image {
namespace {

constexpr auto kSilence = std::chrono::seconds(1);
constexpr auto kTerminalPeriod = std::chrono::milliseconds(100);
constexpr auto kLinePeriod = std::chrono::seconds(3);

}  // namespace

Progress::Progress(ProgressMode mode)
    : mode_(mode), terminal_(::isatty(STDERR_FILENO) == 1), next_(Clock::now() + kSilence) {}

Progress::~Progress() {
  if (line_shown_) {
    static_cast<void>(std::fputs("\r\x1b[K", stderr));
  }
}

void Progress::begin(std::string_view step, std::uint64_t total) {
  step_ = step;
  total_ = total;
}

void Progress::update(std::uint64_t done) {
  if (mode_ == ProgressMode::kQuiet) {
    return;
  }
  const Clock::time_point now = Clock::now();
  if (now >= next_) {
    next_ = now + (terminal_ ? Clock::duration(kTerminalPeriod) : Clock::duration(kLinePeriod));
    print(done);
  }
}

void Progress::print(std::uint64_t done) {
  const char* const begin = terminal_ ? "\r\x1b[K" : "";
  const char* const end = terminal_ ? "" : "\n";
  const auto mebibytes = static_cast<unsigned long long>(done >> 20U);
  if (total_ != 0) {
    const auto percent =
        static_cast<int>(100.0 * static_cast<double>(std::min(done, total_)) / static_cast<double>(total_));
    static_cast<void>(std::fprintf(stderr, "%smayfly-image: %.*s: %d %% (%llu MiB)%s", begin,
                                   static_cast<int>(step_.size()), step_.data(), percent, mebibytes, end));
  } else {
    static_cast<void>(std::fprintf(stderr, "%smayfly-image: %.*s: %llu MiB%s", begin,
                                   static_cast<int>(step_.size()), step_.data(), mebibytes, end));
  }
  static_cast<void>(std::fflush(stderr));
  line_shown_ = terminal_;
}

}  // namespace mayfly::image
