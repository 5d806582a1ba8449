// SPDX-License-Identifier: Apache-2.0
#include "pci/host_bridge.hpp"

namespace mayfly::pci {
namespace {

/// The generic host bridge of virtual machines; no driver or quirk of Linux binds to it.
constexpr Identity kIdentity{.vendor = 0x1b36,
                             .device = 0x0008,
                             .class_code = 0x060000,
                             .revision = 0,
                             .subsystem_vendor = 0,
                             .subsystem = 0};

}  // namespace

HostBridge::HostBridge() noexcept : config_(kIdentity) {}

void HostBridge::config_read(std::uint16_t offset, std::span<std::byte> data) noexcept {
  config_.read(offset, data);
}

}  // namespace mayfly::pci
