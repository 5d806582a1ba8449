// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace mayfly {

/// What a file holds; of one with more than `bytes_max` bytes, one byte more than that, so that it is seen to
/// have too many. Nothing, with errno set, when it cannot be read. Does not wait for a pipe's writer. Any
/// thread.
[[nodiscard]] std::optional<std::string> read_text_file(const std::string& path, std::size_t bytes_max);

/// Its first line, as the files of /proc and /sys have one; empty when it cannot be read. Any thread.
[[nodiscard]] std::string first_line_of(const std::string& path);

/// Has `text` in the place of all that `fd` held, which was opened as `path` and is at its beginning; a pipe
/// or device, which cannot be cut, gets it as it is. Throws Error. Any thread.
void replace_text(int fd, std::string_view text, const std::string& path);

}  // namespace mayfly
