// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace mayfly::cli {

/// Throws Error: what was given to an option, and why it cannot be that.
[[noreturn]] void refuse(std::string_view option, std::string_view given, std::string_view why);

}  // namespace mayfly::cli
