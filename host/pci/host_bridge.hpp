// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pci/config_space.hpp"
#include "pci/pci_device.hpp"

namespace mayfly::pci {

/// 00:00.0: an identity and nothing else. Linux trusts the configuration ports once it finds a host bridge
/// behind them (arch/x86/pci/direct.c, pci_sanity_check).
class HostBridge final : public PciDevice {
 public:
  HostBridge() noexcept;

  [[nodiscard]] std::span<const Bar> bars() const noexcept override { return {}; }
  void place_bar(std::size_t /*index*/, std::uint64_t /*address*/) noexcept override {}
  [[nodiscard]] std::optional<std::uint64_t> bar_address(std::size_t /*index*/) const noexcept override {
    return std::nullopt;
  }
  void config_read(std::uint16_t offset, std::span<std::byte> data) noexcept override;
  /// Dropped: nothing here is the guest's, so nothing needs a lock.
  void config_write(std::uint16_t /*offset*/, std::span<const std::byte> /*data*/) noexcept override {}
  [[nodiscard]] ConfigReads config_reads() const noexcept override { return ConfigReads::kPlain; }
  void bar_read(std::size_t /*index*/, std::uint64_t /*offset*/,
                std::span<std::byte> /*data*/) noexcept override {}
  void bar_write(std::size_t /*index*/, std::uint64_t /*offset*/,
                 std::span<const std::byte> /*data*/) noexcept override {}

 private:
  const ConfigSpace config_;
};

}  // namespace mayfly::pci
