// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "pci/config_space.hpp"
#include "pci/pci_device.hpp"

namespace mayfly::testing {

/// A PCI function that remembers what reached its BARs, and reads as `fill` everywhere. One thread.
class FakePciDevice final : public pci::PciDevice {
 public:
  static constexpr std::uint16_t kVendor = 0x4d59;

  /// One write that arrived.
  struct Write {
    std::size_t bar;
    std::uint64_t offset;
    std::size_t bytes;
    friend bool operator==(const Write&, const Write&) = default;
  };

  /// Bar i at register i; a 64-bit one must be followed by an empty one.
  explicit FakePciDevice(std::span<const pci::Bar> bars, std::byte fill = std::byte{0x5a})
      : config_({.vendor = kVendor, .device = 1}), fill_(fill) {
    for (std::size_t i = 0; i < bars.size(); ++i) {
      if (bars[i].bytes > 0) {
        config_.add_bar(i, bars[i]);
      }
    }
  }

  [[nodiscard]] std::span<const pci::Bar> bars() const noexcept override { return config_.bars(); }
  void place_bar(std::size_t index, std::uint64_t address) noexcept override {
    config_.place_bar(index, address);
  }
  [[nodiscard]] std::optional<std::uint64_t> bar_address(std::size_t index) const noexcept override {
    return config_.bar_address(index);
  }
  void config_read(std::uint16_t offset, std::span<std::byte> data) noexcept override {
    config_.read(offset, data);
  }
  void config_write(std::uint16_t offset, std::span<const std::byte> data) noexcept override {
    config_.write(offset, data);
  }
  [[nodiscard]] pci::ConfigReads config_reads() const noexcept override { return reads; }
  void bar_read(std::size_t /*index*/, std::uint64_t /*offset*/,
                std::span<std::byte> data) noexcept override {
    for (std::byte& byte : data) {
      byte = fill_;
    }
  }
  void bar_write(std::size_t index, std::uint64_t offset, std::span<const std::byte> data) noexcept override {
    writes.push_back({index, offset, data.size()});
  }

  std::vector<Write> writes;
  pci::ConfigReads reads = pci::ConfigReads::kPlain;

 private:
  pci::ConfigSpace config_;
  std::byte fill_;
};

}  // namespace mayfly::testing
