// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include <sys/types.h>

#include "guest-init/failure.hpp"

namespace mayfly::init {

/// The byte stream to the host: port 1 of the virtio console.
class Channel {
 public:
  Channel() = default;

  /// Takes a stream socket in place of the port, set non-blocking by the caller.
  explicit Channel(int descriptor) noexcept : descriptor_(descriptor), is_port_(false) {}

  /// Opens /dev/vport0p1. The kernel makes it when the host has announced the port, which may be after init's
  /// start: waits up to 10 s, asleep.
  [[nodiscard]] Step open() noexcept;

  [[nodiscard]] bool is_open() const noexcept { return descriptor_ >= 0; }
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

  /// Fills `bytes` whole, waiting as long as it takes. While the host has not yet opened its end of the port,
  /// waits up to 10 s.
  [[nodiscard]] Step receive(std::span<std::byte> bytes) noexcept;

  /// Reads what is there: bytes read, 0 when the host is gone, -1 with errno EAGAIN when there is nothing
  /// now.
  [[nodiscard]] ssize_t read_some(std::span<std::byte> bytes) noexcept;

  /// Writes what the port takes: bytes written, or -1 with errno EAGAIN when it takes nothing now.
  [[nodiscard]] ssize_t write_some(std::span<const std::byte> bytes) noexcept;

  /// Waits until the port takes bytes. False when the host is gone, or has not opened its end within a
  /// second.
  [[nodiscard]] bool wait_writable() noexcept;

 private:
  int descriptor_ = -1;
  bool is_port_ = true;
};

}  // namespace mayfly::init
