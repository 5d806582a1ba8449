// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include <sys/uio.h>

namespace mayfly {

/// Bytes that the buffers have room for.
[[nodiscard]] inline std::uint64_t total_bytes(std::span<const iovec> buffers) noexcept {
  std::uint64_t bytes = 0;
  for (const iovec& buffer : buffers) {
    bytes += buffer.iov_len;
  }
  return bytes;
}

/// Calls `use(begin, bytes)` for each part of the buffers from byte `at` on, `bytes` in all at most; none is
/// empty.
template <typename Use>
void for_each_part(std::span<const iovec> buffers, std::uint64_t at, std::uint64_t bytes, Use use) {
  for (const iovec& buffer : buffers) {
    if (at >= buffer.iov_len) {
      at -= buffer.iov_len;
      continue;
    }
    const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.iov_len - at, bytes));
    if (part == 0) {
      return;
    }
    use(static_cast<std::byte*>(buffer.iov_base) + at, part);
    bytes -= part;
    at = 0;
  }
}

/// Copies what the buffers have from byte `at` on, as far as they and `to` go. They do not overlap.
inline void copy_from(std::span<const iovec> buffers, std::uint64_t at, std::span<std::byte> to) noexcept {
  for_each_part(buffers, at, to.size(), [&to](const std::byte* begin, std::size_t bytes) {
    std::memcpy(to.data(), begin, bytes);
    to = to.subspan(bytes);
  });
}

/// The other way.
inline void copy_to(std::span<const iovec> buffers, std::uint64_t at,
                    std::span<const std::byte> from) noexcept {
  for_each_part(buffers, at, from.size(), [&from](std::byte* begin, std::size_t bytes) {
    std::memcpy(begin, from.data(), bytes);
    from = from.subspan(bytes);
  });
}

}  // namespace mayfly
