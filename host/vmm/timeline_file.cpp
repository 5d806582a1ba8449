// SPDX-License-Identifier: Apache-2.0
#include "vmm/timeline_file.hpp"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "base/error.hpp"

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

void TimelineFile::write(std::string_view text) const {
  // Not for pipes and devices, which cannot be cut.
  if (::ftruncate(fd_.get(), 0) < 0 && errno != EINVAL) {
    fail_errno("cannot write " + path_);
  }
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t bytes = ::write(fd_.get(), rest.data(), rest.size());
    if (bytes < 0 && errno != EINTR) {
      fail_errno("cannot write " + path_);
    }
    rest.remove_prefix(bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
  }
}

}  // namespace mayfly::vmm
