// SPDX-License-Identifier: Apache-2.0
#include "vmm/timeline_file.hpp"

#include <fcntl.h>

#include "base/error.hpp"
#include "base/text_file.hpp"

namespace mayfly::vmm {

std::optional<TimelineFile> TimelineFile::open(const std::string& path) {
  return path.empty() ? std::nullopt : std::optional(TimelineFile(path));
}

TimelineFile::TimelineFile(std::string path)
    : path_(std::move(path)), fd_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644)) {
  if (!fd_) {
    fail_errno("cannot write " + path_);
  }
}

void TimelineFile::write(std::string_view text) const { replace_text(fd_.get(), text, path_); }

}  // namespace mayfly::vmm
