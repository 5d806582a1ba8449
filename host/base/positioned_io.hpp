// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <sys/types.h>
#include <sys/uio.h>

namespace mayfly {

/// As preadv(2) and pwritev(2), but by the one call that all reading, or writing, is done by once a guest
/// runs, so that the sandbox need not allow several. They take a byte or nothing else but errno. Any thread.
inline ssize_t read_at(int fd, std::span<const iovec> out, std::uint64_t offset) noexcept {
  return ::preadv2(fd, out.data(), static_cast<int>(out.size()), static_cast<off_t>(offset), 0);
}
inline ssize_t write_at(int fd, std::span<const iovec> in, std::uint64_t offset) noexcept {
  return ::pwritev2(fd, in.data(), static_cast<int>(in.size()), static_cast<off_t>(offset), 0);
}

/// The same with one buffer.
inline ssize_t read_at(int fd, std::span<std::byte> out, std::uint64_t offset) noexcept {
  const iovec buffer{out.data(), out.size()};
  return read_at(fd, std::span(&buffer, 1), offset);
}
inline ssize_t write_at(int fd, std::span<const std::byte> in, std::uint64_t offset) noexcept {
  // Safe: it is read only.
  const iovec buffer{const_cast<std::byte*>(in.data()), in.size()};
  return write_at(fd, std::span(&buffer, 1), offset);
}

/// Of a stream: where it is.
inline constexpr std::uint64_t kAtStream = ~std::uint64_t{0};

}  // namespace mayfly
