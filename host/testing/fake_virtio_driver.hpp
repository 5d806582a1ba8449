// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "pci/pci_device.hpp"
#include "testing/fake_driver_ring.hpp"
#include "virtio/spec.hpp"

namespace mayfly::testing {

/// A virtio-pci driver that speaks to BAR 0 of a transport as Linux does
/// (drivers/virtio/virtio_pci_modern.c). The places inside the BAR are those of virtio/pci_transport.hpp.
class FakeVirtioDriver {
 public:
  static constexpr std::uint64_t kStatus = 20;
  static constexpr std::uint64_t kIsr = 0x3000;
  static constexpr std::uint64_t kDeviceConfig = 0x200;
  static constexpr std::uint64_t kNotify = 0x2000;
  static constexpr std::uint64_t kMsixTable = 0x1000;
  /// What vector v's message carries as data is kMsiData + v.
  static constexpr std::uint32_t kMsiData = 0x40;

  explicit FakeVirtioDriver(pci::PciDevice& device) : device_(device) {}

  template <typename T>
  [[nodiscard]] T read(std::uint64_t offset) {
    T value{};
    device_.bar_read(0, offset, std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }
  template <typename T>
  void write(std::uint64_t offset, T value) {
    device_.bar_write(0, offset, std::as_bytes(std::span(&value, 1)));
  }

  [[nodiscard]] std::uint8_t status() { return read<std::uint8_t>(kStatus); }
  void set_status(std::uint8_t status) { write(kStatus, status); }
  void reset() { set_status(0); }

  [[nodiscard]] std::uint64_t offered() {
    write<std::uint32_t>(0, 0);
    const std::uint64_t low = read<std::uint32_t>(4);
    write<std::uint32_t>(0, 1);
    return low | std::uint64_t{read<std::uint32_t>(4)} << 32U;
  }
  void accept(std::uint64_t features) {
    write<std::uint32_t>(8, 0);
    write(12, static_cast<std::uint32_t>(features));
    write<std::uint32_t>(8, 1);
    write(12, static_cast<std::uint32_t>(features >> 32U));
  }
  /// From reset to FEATURES_OK.
  void negotiate(std::uint64_t features) {
    reset();
    set_status(virtio::kStatusAcknowledge);
    set_status(virtio::kStatusAcknowledge | virtio::kStatusDriver);
    accept(features);
    set_status(kNegotiated);
  }
  /// Tells the device of `ring` and enables the queue, with that MSI-X vector.
  void enable_queue(std::uint16_t queue, const FakeDriverRing& ring, std::uint16_t vector = 1) {
    write(22, queue);
    write(24, ring.size());
    write(26, vector);
    write_address(32, ring.setup().descriptors);
    write_address(40, ring.setup().driver_area);
    write_address(48, ring.setup().device_area);
    write<std::uint16_t>(28, 1);
  }
  /// The same of a queue whose areas are at `at`, `at` + 0x400 and `at` + 0x800, of the size that it has.
  void enable_queue_at(std::uint16_t queue, std::uint32_t at) {
    write(22, queue);
    write<std::uint16_t>(26, 1);
    write(32, at);
    write(40, at + 0x400);
    write(48, at + 0x800);
    write<std::uint16_t>(28, 1);
  }
  void driver_ok() { set_status(kNegotiated | virtio::kStatusDriverOk); }
  void notify(std::uint16_t queue) { write(kNotify + 4ULL * queue, queue); }

  /// So many vectors unmasked, vector 0 for the configuration.
  void enable_msix(std::uint32_t vectors = 2) {
    for (std::uint32_t vector = 0; vector < vectors; ++vector) {
      const std::uint64_t entry = kMsixTable + 16ULL * vector;
      write<std::uint64_t>(entry, 0xfee00000);
      write<std::uint32_t>(entry + 8, kMsiData + vector);
      write<std::uint32_t>(entry + 12, 0);
    }
    write<std::uint16_t>(16, 0);
    config_write<std::uint16_t>(capability(0x11) + 2U, 0x8000);
  }

  template <typename T>
  [[nodiscard]] T config_read(unsigned offset) {
    T value{};
    device_.config_read(static_cast<std::uint16_t>(offset), std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }
  template <typename T>
  void config_write(unsigned offset, T value) {
    device_.config_write(static_cast<std::uint16_t>(offset), std::as_bytes(std::span(&value, 1)));
  }
  /// Where the first capability with `id` is, and with `kind` as its fourth byte if that is not 0; 0 when
  /// absent.
  [[nodiscard]] std::uint8_t capability(std::uint8_t id, std::uint8_t kind = 0) {
    auto at = config_read<std::uint8_t>(0x34);
    while (at != 0 && (config_read<std::uint8_t>(at) != id ||
                       (kind != 0 && config_read<std::uint8_t>(at + 3U) != kind))) {
      at = config_read<std::uint8_t>(at + 1U);
    }
    return at;
  }

 private:
  static constexpr std::uint8_t kNegotiated =
      virtio::kStatusAcknowledge | virtio::kStatusDriver | virtio::kStatusFeaturesOk;

  void write_address(std::uint64_t offset, GuestAddress address) {
    write(offset, static_cast<std::uint32_t>(address.raw()));
    write(offset + 4, static_cast<std::uint32_t>(address.raw() >> 32U));
  }

  pci::PciDevice& device_;
};

}  // namespace mayfly::testing
