// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "machine.hpp"
#include "random.hpp"

/// What the guest puts into the memory of queues: half of it makes sense, so that it comes far.
namespace hostile {

/// Of a queue, in its own 16 KiB: descriptors, the two rings, indirect tables.
struct Ring {
  std::uint64_t descriptors;
  std::uint64_t driver_area;
  std::uint64_t device_area;
  std::uint64_t indirect;
};
inline constexpr std::uint64_t kRingBytes = 0x4000;

[[nodiscard]] Ring ring_of(std::uint32_t device, std::uint32_t queue) noexcept;

/// Mostly in the buffers; else devices' registers, both ends of memory, and where there is nothing.
[[nodiscard]] std::uint64_t any_address(Random& random) noexcept;
[[nodiscard]] std::uint32_t any_length(Random& random) noexcept;
/// A number to write where one means something. None is a page of this guest's own code.
[[nodiscard]] std::uint64_t any_value(Random& random) noexcept;

/// Empties the rings, as a driver does before it uses them.
void clear(std::uint32_t device, std::uint32_t queue) noexcept;
/// Makes chains of descriptors and makes them available.
void offer(Random& random, const Machine& machine, std::uint32_t device, std::uint32_t queue) noexcept;
/// Writes over what a device may be reading.
void scribble(Random& random, std::uint32_t device, std::uint32_t queue) noexcept;

}  // namespace hostile
