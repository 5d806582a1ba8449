// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace mayfly {

/// What a file holds; of one with more than `bytes_max` bytes, one byte more than that, so that it is seen to
/// have too many. Nothing, with errno set, when it cannot be read. Does not wait for a pipe's writer. Any
/// thread.
[[nodiscard]] std::optional<std::string> read_text_file(const std::string& path, std::size_t bytes_max);

}  // namespace mayfly
