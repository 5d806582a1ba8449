// SPDX-License-Identifier: Apache-2.0
#include "cli/draw_timeline.hpp"

#include <array>
#include <cerrno>
#include <optional>

#include <fcntl.h>
#include <unistd.h>

#include "base/checked.hpp"
#include "base/error.hpp"
#include "base/fd.hpp"
#include "boot/timeline_report.hpp"

namespace mayfly::cli {
namespace {

// A timeline has some ten KiB; what is larger is something else.
constexpr std::size_t kBytesMax = 16 * kMiB;

std::string read_file(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) {
    fail_errno("cannot read timeline " + path);
  }
  std::string text;
  std::array<char, 65536> piece{};
  while (text.size() <= kBytesMax) {
    const ssize_t bytes = ::read(fd.get(), piece.data(), piece.size());
    if (bytes == 0) {
      return text;
    }
    if (bytes < 0 && errno != EINTR) {
      fail_errno("cannot read timeline " + path);
    }
    text.append(piece.data(), bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
  }
  return {};
}

}  // namespace

std::string draw_timeline(const std::string& path, TimelineForm form) {
  const std::optional<boot::Report> report = boot::from_json(read_file(path));
  if (!report.has_value()) {
    throw Error(path + " is not a timeline of `mayfly run --timeline`");
  }
  return form == TimelineForm::kPerfetto ? boot::to_perfetto(*report) : boot::waterfall(*report);
}

}  // namespace mayfly::cli
