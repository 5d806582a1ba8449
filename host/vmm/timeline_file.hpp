// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/fd.hpp"

namespace mayfly::vmm {

/// The file of --timeline or `mayfly boot --json`, opened before the boot, so that a path that cannot be
/// written is told before anything runs.
class TimelineFile {
 public:
  /// Nothing when `path` is empty. Throws Error that names the path.
  [[nodiscard]] static std::optional<TimelineFile> open(const std::string& path);

  /// Replaces the file's content. Throws Error.
  void write(std::string_view text) const;

 private:
  explicit TimelineFile(std::string path);

  std::string path_;
  Fd fd_;
};

}  // namespace mayfly::vmm
