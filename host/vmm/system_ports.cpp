// SPDX-License-Identifier: Apache-2.0
#include "vmm/system_ports.hpp"

#include <algorithm>

#include "acpi/acpi_inputs.hpp"

namespace mayfly::vmm {
namespace {

// ACPI 6.5, 4.8.3.7: SLP_TYPx in bits 2 to 4, SLP_EN in bit 5; the others are reserved.
constexpr std::byte kSleepBits{0x3c};
// docs/specs/pvpanic: event bits.
constexpr std::byte kPanicked{1};

}  // namespace

void PowerPorts::read(std::uint64_t /*offset*/, std::span<std::byte> data) noexcept {
  std::fill(data.begin(), data.end(), std::byte{0});
}

void PowerPorts::write(std::uint64_t offset, std::span<const std::byte> data) noexcept {
  const std::byte value = data.front();
  if (offset == kReset && value == std::byte{acpi::kResetValue}) {
    down_.report(DownReason::kReboot);
  } else if (offset == kSleepControl && (value & kSleepBits) == std::byte{acpi::kPowerOffValue}) {
    down_.report(DownReason::kPoweroff);
  }
}

void PanicPort::read(std::uint64_t /*offset*/, std::span<std::byte> data) noexcept {
  std::fill(data.begin(), data.end(), std::byte{0});
  data.front() = kPanicked;  // the events that we understand
}

void PanicPort::write(std::uint64_t /*offset*/, std::span<const std::byte> data) noexcept {
  if ((data.front() & kPanicked) != std::byte{0}) {
    down_.report(DownReason::kPanic);
  }
}

}  // namespace mayfly::vmm
