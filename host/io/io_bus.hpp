// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "io/io_device.hpp"

namespace mayfly::io {

/// Where a device sits on a bus: [start, start + length).
struct IoRange {
  std::uint64_t start;
  std::uint64_t length;
};

/// Port space or memory-mapped space: ranges to devices. Built by one thread, then frozen; after that any
/// number of vCPU threads read and write without a lock.
class IoBus {
 public:
  static constexpr std::size_t kEntriesMax = 16;

  /// Before freeze(). The range must be new; the device must outlive the bus.
  void attach(IoRange range, IoDevice& device) noexcept;
  /// No attach() after this.
  void freeze() noexcept;

  /// All ones where nothing answers or the access crosses the end of a range.
  void read(std::uint64_t at, std::span<std::byte> data) const noexcept;
  /// Dropped where nothing answers.
  void write(std::uint64_t at, std::span<const std::byte> data) const noexcept;

 private:
  struct Entry {
    IoRange range;
    IoDevice* device;
  };
  [[nodiscard]] const Entry* find(std::uint64_t at, std::size_t bytes) const noexcept;

  std::array<Entry, kEntriesMax> entries_{};
  std::size_t count_ = 0;
  bool frozen_ = false;
};

}  // namespace mayfly::io
