// SPDX-License-Identifier: Apache-2.0
#include "pci/config_view.hpp"

#include <array>
#include <cstdint>

#include "pci/config_space.hpp"

namespace mayfly::pci {
namespace {

constexpr std::size_t kFunctionBytes = 4096;
constexpr std::size_t kSlotBytes = 8 * kFunctionBytes;

}  // namespace

ConfigView::ConfigView(std::size_t slots, Viewer& viewer)
    : pages_(blank_view((slots - 1) * kSlotBytes + kFunctionBytes)), viewer_(viewer) {}

void ConfigView::refresh(std::size_t slot, PciDevice& device) noexcept {
  const std::size_t at = slot * kSlotBytes;
  if (!shown_ || at >= pages_.size()) {
    return;
  }
  if (device.config_reads() == ConfigReads::kLive) {
    shown_ = false;
    viewer_.hide();
    return;
  }
  std::array<std::uint32_t, ConfigSpace::kBytes / sizeof(std::uint32_t)> now{};
  now.fill(~0U);
  device.config_read(0, std::as_writable_bytes(std::span(now)));
  refresh_view(pages_.bytes().subspan(at, sizeof(now)), now);
}

}  // namespace mayfly::pci
