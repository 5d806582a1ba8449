// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ci/gate/fingerprint.hpp"

namespace mayfly::gate {

/// The variants of `measure --plan FILE`. Throws Error naming `file` for what to_text() would not have
/// written, but that mayfly, kernel, options and command may be missing (empty then).
[[nodiscard]] std::vector<Variant> parse_plan(const std::string& file, std::string_view text);

[[nodiscard]] std::string to_text(const std::vector<Variant>& variants);

}  // namespace mayfly::gate
