// SPDX-License-Identifier: Apache-2.0
#include "base/text_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/fd.hpp"

namespace mayfly {

std::optional<std::string> read_text_file(const std::string& path, std::size_t bytes_max) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) {
    return std::nullopt;
  }
  std::string text;
  std::array<char, 65536> piece;  // not cleared, which would cost more than a small file
  while (text.size() <= bytes_max) {
    const ssize_t bytes = ::read(fd.get(), piece.data(), std::min(piece.size(), bytes_max + 1 - text.size()));
    if (bytes == 0) {
      break;
    }
    if (bytes < 0 && errno != EINTR) {
      return std::nullopt;
    }
    text.append(piece.data(), bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
  }
  return text;
}

std::string first_line_of(const std::string& path) {
  constexpr std::size_t kPageBytes = 4096;  // at most that is in a file of /sys
  const std::string text = read_text_file(path, kPageBytes).value_or(std::string());
  return text.substr(0, text.find('\n'));
}

void replace_text(int fd, std::string_view text, const std::string& path) {
  if (::ftruncate(fd, 0) < 0 && errno != EINVAL) {
    fail_errno("cannot write " + path);
  }
  while (!text.empty()) {
    const ssize_t bytes = ::write(fd, text.data(), text.size());
    if (bytes < 0 && errno != EINTR) {
      fail_errno("cannot write " + path);
    }
    text.remove_prefix(bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
  }
}

}  // namespace mayfly
