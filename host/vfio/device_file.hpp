// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/fd.hpp"
#include "vfio/device_access.hpp"

namespace mayfly::vfio {

/// A device that VFIO has opened: its file descriptor. Opening has reset the device, closing resets it again.
/// Source: linux/vfio.h.
class DeviceFile final : public DeviceAccess {
 public:
  /// `name` is the device's address, for messages. Throws Error when it is no PCI device.
  DeviceFile(Fd fd, std::string name);

  [[nodiscard]] Region region(std::uint32_t index) const override;
  [[nodiscard]] bool read(std::uint32_t region, std::uint64_t offset,
                          std::span<std::byte> data) noexcept override;
  [[nodiscard]] bool write(std::uint32_t region, std::uint64_t offset,
                           std::span<const std::byte> data) noexcept override;
  [[nodiscard]] Mapping map(std::uint32_t region, const Area& area) override;
  [[nodiscard]] std::uint32_t interrupt_count(Interrupts kind) const noexcept override;
  [[nodiscard]] bool interrupts_grow(Interrupts kind) const noexcept override;
  [[nodiscard]] bool set_events(Interrupts kind, std::uint32_t first,
                                std::span<const int> events) noexcept override;
  [[nodiscard]] bool set_unmask_event(int ended) noexcept override;
  void disable(Interrupts kind) noexcept override;

 private:
  static constexpr std::uint32_t kRegions = kConfigRegion + 1;

  Fd fd_;
  std::string name_;
  /// Where each region lies in the file.
  std::array<std::uint64_t, kRegions> offsets_{};
};

}  // namespace mayfly::vfio
