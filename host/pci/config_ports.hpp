// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "io/io_device.hpp"
#include "pci/bus.hpp"

namespace mayfly::pci {

/// Configuration mechanism #1: address port 0xCF8, data ports 0xCFC to 0xCFF (PCI 3.0, 3.2.2.3.2).
///
/// Linux reaches the first 256 bytes of every function by these ports only, some hundred times a boot. The
/// class is final and its calls are inline, so that a vCPU loop which asks answers() before its bus look-up
/// pays neither for the look-up nor for an indirect call. Any thread; there is one address register for all,
/// as on hardware.
class ConfigPorts final : public io::IoDevice {
 public:
  static constexpr std::uint16_t kFirst = 0xcf8;
  static constexpr std::uint16_t kCount = 8;

  /// `bus` outlives this.
  explicit ConfigPorts(Bus& bus) noexcept : bus_(bus) {}

  [[nodiscard]] static constexpr bool answers(std::uint16_t port) noexcept {
    return (port & ~(kCount - 1U)) == kFirst;
  }

  [[nodiscard]] std::string_view name() const noexcept override { return "PCI configuration ports"; }

  /// `offset` counts from kFirst.
  void read(std::uint64_t offset, std::span<std::byte> data) noexcept override {
    std::fill(data.begin(), data.end(), std::byte{0xff});
    const std::uint32_t address = address_.load(std::memory_order_relaxed);
    if (selects_address(offset, data.size())) {
      std::memcpy(data.data(), &address, sizeof(address));
    } else if (selects_data(address, offset)) {
      bus_.config_read(slot(address), register_at(address, offset), data.first(fitting(offset, data.size())));
    }
  }

  void write(std::uint64_t offset, std::span<const std::byte> data) noexcept override {
    if (selects_address(offset, data.size())) {
      std::uint32_t address = 0;
      std::memcpy(&address, data.data(), sizeof(address));
      address_.store(address & kAddressBits, std::memory_order_relaxed);
      return;
    }
    const std::uint32_t address = address_.load(std::memory_order_relaxed);
    if (selects_data(address, offset)) {
      bus_.config_write(slot(address), register_at(address, offset),
                        data.first(fitting(offset, data.size())));
    }
  }

 private:
  static constexpr std::uint32_t kEnable = 1U << 31U;
  /// The register's other bits are reserved and read as zero.
  static constexpr std::uint32_t kAddressBits = 0x80fffffcU;
  static constexpr std::uint32_t kBusAndFunction = 0x00ff0700U;
  static constexpr std::uint64_t kData = 4;

  /// Only a full double word at 0xCF8 is the address register; anything narrower is an ordinary port, of
  /// which there is none here.
  static constexpr bool selects_address(std::uint64_t offset, std::size_t bytes) noexcept {
    return offset == 0 && bytes == 4;
  }
  /// There is bus 0 only, and function 0 of each device.
  static constexpr bool selects_data(std::uint32_t address, std::uint64_t offset) noexcept {
    return offset >= kData && offset < kCount && (address & (kEnable | kBusAndFunction)) == kEnable;
  }
  static constexpr std::size_t slot(std::uint32_t address) noexcept { return address >> 11U & 0x1fU; }
  static constexpr std::uint16_t register_at(std::uint32_t address, std::uint64_t offset) noexcept {
    return static_cast<std::uint16_t>((address & 0xfcU) | (offset & 3U));
  }
  /// The part of an access that lies in the data ports.
  static constexpr std::size_t fitting(std::uint64_t offset, std::size_t bytes) noexcept {
    return std::min<std::size_t>(bytes, kCount - offset);
  }

  Bus& bus_;
  std::atomic<std::uint32_t> address_ = 0;
};

}  // namespace mayfly::pci
