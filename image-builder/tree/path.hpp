// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "host/base/error.hpp"

namespace mayfly::image {

/// The input is wrong, not this machine: exit status 1 instead of 125.
class InputError : public Error {
 public:
  using Error::Error;
};

inline constexpr std::size_t kNameBytesMax = 255;
inline constexpr std::size_t kPathBytesMax = 4095;

/// The components of a path below the root; none for the root itself. Throws InputError for an absolute path,
/// "..", a NUL byte, and for names and paths beyond what Linux takes.
[[nodiscard]] std::vector<std::string_view> split_path(std::string_view path);

/// The bytes in double quotes, control characters and quotes escaped, shortened when very long: for messages.
[[nodiscard]] std::string in_quotes(std::string_view bytes);

}  // namespace mayfly::image
