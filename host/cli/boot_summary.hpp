// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "cli/boot_statistics.hpp"

namespace mayfly::cli {

/// Tables and a histogram for a terminal, 80 columns. `boots` is not empty, and each became ready.
[[nodiscard]] std::string summary(std::span<const BootResult> boots);

/// One sentence about a limit that was not kept.
[[nodiscard]] std::string complaint(const Verdict& verdict);

/// All figures as one JSON object (boot/TIMELINE.md), with a final newline.
[[nodiscard]] std::string to_json(std::span<const BootResult> boots, std::span<const Verdict> verdicts);

}  // namespace mayfly::cli
