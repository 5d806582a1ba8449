// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace mayfly::cli {

enum class TimelineForm : std::uint8_t {
  kWaterfall,  ///< A few lines for a terminal.
  kPerfetto,   ///< Chrome's trace event format.
};

/// The timeline in the file at `path` in another form. Throws Error when it cannot be read or is none.
[[nodiscard]] std::string draw_timeline(const std::string& path, TimelineForm form);

}  // namespace mayfly::cli
