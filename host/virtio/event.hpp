// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <unistd.h>

namespace mayfly::virtio {

/// Of an eventfd that does not block.
inline void ring_event(int event) noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(event, &one, sizeof(one));  // full: it rings
}

/// How often it was rung since it was taken last. What is rung for after that rings again.
inline std::uint64_t take_event(int event) noexcept {
  std::uint64_t count = 0;
  return ::read(event, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

}  // namespace mayfly::virtio
