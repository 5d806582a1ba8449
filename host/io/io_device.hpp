// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace mayfly::io {

/// Something that answers port or memory-mapped accesses.
///
/// Offsets are relative to where the device was attached. Accesses are 1, 2, 4 or 8 bytes, at any alignment,
/// and come from any vCPU thread, several at once: the device locks what it must. A read that hits nothing
/// leaves `data` as it came (all ones).
class IoDevice {
 public:
  IoDevice() = default;
  IoDevice(const IoDevice&) = delete;
  IoDevice& operator=(const IoDevice&) = delete;
  virtual ~IoDevice() = default;

  /// For logs and reports; lives as long as the device.
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;
  virtual void read(std::uint64_t offset, std::span<std::byte> data) noexcept = 0;
  virtual void write(std::uint64_t offset, std::span<const std::byte> data) noexcept = 0;
};

}  // namespace mayfly::io
