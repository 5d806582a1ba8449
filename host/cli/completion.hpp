// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace mayfly::cli {

/// A completion script for bash, to be sourced. Needs no bash-completion package.
[[nodiscard]] std::string_view bash_completion() noexcept;

}  // namespace mayfly::cli
