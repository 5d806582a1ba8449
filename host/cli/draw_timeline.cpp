// SPDX-License-Identifier: Apache-2.0
#include "cli/draw_timeline.hpp"

#include <optional>

#include "base/checked.hpp"
#include "base/error.hpp"
#include "base/text_file.hpp"
#include "boot/timeline_report.hpp"

namespace mayfly::cli {
namespace {

// A timeline has some ten KiB; what is larger is something else.
constexpr std::size_t kBytesMax = 16 * kMiB;

}  // namespace

std::string draw_timeline(const std::string& path, TimelineForm form) {
  const std::optional<std::string> text = read_text_file(path, kBytesMax);
  if (!text.has_value()) {
    fail_errno("cannot read timeline " + path);
  }
  const std::optional<boot::Report> report = text->size() > kBytesMax ? std::nullopt : boot::from_json(*text);
  if (!report.has_value()) {
    throw Error(path + " is not a timeline of `mayfly run --timeline`");
  }
  return form == TimelineForm::kPerfetto ? boot::to_perfetto(*report) : boot::waterfall(*report);
}

}  // namespace mayfly::cli
