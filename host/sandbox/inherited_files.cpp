// SPDX-License-Identifier: Apache-2.0
#include "sandbox/inherited_files.hpp"

#include <algorithm>
#include <charconv>

#include <sys/syscall.h>
#include <unistd.h>

namespace mayfly::sandbox {
namespace {

// glibc 2.36 declares close_range() with GNU extensions only.
void close_from_to(unsigned first, unsigned last) noexcept {
  if (first <= last) {
    // Linux 5.9. Where it is missing, what we have inherited stays open.
    static_cast<void>(::syscall(SYS_close_range, first, last, 0U));
  }
}

}  // namespace

std::optional<int> descriptor_named_by(std::string_view path) noexcept {
  for (const std::string_view folder : {"/dev/fd/", "/proc/self/fd/", "/proc/thread-self/fd/"}) {
    if (path.starts_with(folder)) {
      const std::string_view number = path.substr(folder.size());
      int value = 0;
      const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
      return error == std::errc{} && end == number.data() + number.size() && value >= 0 ? std::optional(value)
                                                                                        : std::nullopt;
    }
  }
  return std::nullopt;
}

void close_all_but(std::vector<int> kept) noexcept {
  std::sort(kept.begin(), kept.end());
  unsigned first = STDERR_FILENO + 1;
  for (const int each : kept) {
    const auto number = static_cast<unsigned>(each);
    if (each >= 0 && number >= first) {
      close_from_to(first, number - 1);
      first = number + 1;
    }
  }
  close_from_to(first, ~0U);
}

}  // namespace mayfly::sandbox
