// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace mayfly::virtio {

/// How a driver broke the rules of a queue. The answer to each is DEVICE_NEEDS_RESET.
enum class QueueFault : std::uint8_t {
  kBadSize,
  kMisaligned,
  kRingOutsideMemory,
  kAvailIndexWrong,
  kHeadOutOfRange,
  kNextOutOfRange,
  kChainTooLong,
  kBytesTooMany,
  kBufferOutsideMemory,
  kReadableAfterWritable,
  kIndirectNotNegotiated,
  kIndirectNested,
  kIndirectLength,
  kBadRequest,
  kHostRefuses,
};

/// For the log: what the driver did. Never fails; the text is static.
[[nodiscard]] std::string_view describe(QueueFault fault) noexcept;

}  // namespace mayfly::virtio
