// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "io/io_device.hpp"
#include "vmm/vm_down.hpp"

namespace mayfly::vmm {

/// The ACPI reset and sleep registers of a hardware-reduced machine (ACPI 6.5, 4.8.3.6 to 4.8.3.8), as
/// declared in the FADT by acpi/.
class PowerPorts : public io::IoDevice {
 public:
  static constexpr std::uint64_t kReset = 0;
  static constexpr std::uint64_t kSleepControl = 1;
  static constexpr std::uint64_t kSleepStatus = 2;
  static constexpr std::uint64_t kLength = 3;

  explicit PowerPorts(VmDown& down) noexcept : down_(down) {}
  [[nodiscard]] std::string_view name() const noexcept override { return "power"; }
  void read(std::uint64_t offset, std::span<std::byte> data) noexcept override;
  void write(std::uint64_t offset, std::span<const std::byte> data) noexcept override;

 private:
  VmDown& down_;
};

/// pvpanic, the port that a panicking kernel writes to (QEMU, docs/specs/pvpanic).
class PanicPort : public io::IoDevice {
 public:
  explicit PanicPort(VmDown& down) noexcept : down_(down) {}
  [[nodiscard]] std::string_view name() const noexcept override { return "pvpanic"; }
  void read(std::uint64_t offset, std::span<std::byte> data) noexcept override;
  void write(std::uint64_t offset, std::span<const std::byte> data) noexcept override;

 private:
  VmDown& down_;
};

}  // namespace mayfly::vmm
