// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

namespace mayfly::io {

/// The host side of one byte-stream port of the guest (a virtio-console port).
///
/// Both calls come with the device's lock held, from a vCPU thread or from whoever woke the device: an
/// implementation must not call the device back from inside.
class PortBackend {
 public:
  PortBackend() = default;
  PortBackend(const PortBackend&) = delete;
  PortBackend& operator=(const PortBackend&) = delete;
  virtual ~PortBackend() = default;

  /// Takes all of `bytes`, foreign and unchecked.
  virtual void from_guest(std::span<const std::byte> bytes) noexcept = 0;
  /// Fills the front of `buffer`; 0 when there is nothing to send now.
  [[nodiscard]] virtual std::size_t to_guest(std::span<std::byte> buffer) noexcept = 0;
};

}  // namespace mayfly::io
