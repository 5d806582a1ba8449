// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "cli/boot_options.hpp"

namespace mayfly::cli {

/// `mayfly boot`: boots again and again with `program` (mayfly's own executable), says on stdout how long it
/// took, and gives the exit status. Throws Error.
[[nodiscard]] int boot_many(const BootConfig& config, const std::string& program);

/// The last 20 lines of what a guest has written, indented, without anything that a terminal would obey.
[[nodiscard]] std::string tail_for_terminal(std::string_view text);

}  // namespace mayfly::cli
