// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mayfly::sandbox {

/// The descriptor that a path of this process's descriptors names: /dev/fd/N, /proc/self/fd/N.
[[nodiscard]] std::optional<int> descriptor_named_by(std::string_view path) noexcept;

/// Closes all descriptors above 2 but `kept`. Before we open files of our own.
void close_all_but(std::vector<int> kept) noexcept;

}  // namespace mayfly::sandbox
