// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace mayfly::gate {

/// The whole file, of at most 256 MiB. Throws Error naming it.
[[nodiscard]] std::string read_file(const std::string& path);

/// The last `lines` lines of a file, without control characters; empty when it cannot be read.
[[nodiscard]] std::string tail_of(const std::string& path, std::size_t lines);

/// Writes a file anew, through a temporary one beside it; `-` is stdout. Throws Error naming it.
void write_file(const std::string& path, std::string_view text);

/// Adds to the end of a file in one write. Throws Error naming it.
void append_file(const std::string& path, std::string_view text);

/// A directory that is gone with the object.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

}  // namespace mayfly::gate
