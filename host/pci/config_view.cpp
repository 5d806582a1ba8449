// SPDX-License-Identifier: Apache-2.0
#include "pci/config_view.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>

#include "base/error.hpp"
#include "pci/config_space.hpp"

namespace mayfly::pci {
namespace {

constexpr std::size_t kFunctionBytes = 4096;
constexpr std::size_t kSlotBytes = 8 * kFunctionBytes;

Mapping all_ones(std::size_t bytes) {
  void* const address =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (address == MAP_FAILED) {
    fail_errno("cannot map memory for the PCI configuration space");
  }
  std::memset(address, 0xff, bytes);
  return {address, bytes};
}

}  // namespace

ConfigView::ConfigView(std::size_t slots, ConfigViewer& viewer)
    : pages_(all_ones((slots - 1) * kSlotBytes + kFunctionBytes)), viewer_(viewer) {}

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
  // Safe: the mapping is page-aligned and as long as a function here, and dwords are all that lies in it.
  auto* const seen = reinterpret_cast<std::uint32_t*>(pages_.data() + at);
  for (std::size_t i = 0; i < now.size(); ++i) {
    const std::atomic_ref<std::uint32_t> dword(seen[i]);
    if (dword.load(std::memory_order_relaxed) != now[i]) {
      dword.store(now[i], std::memory_order_relaxed);
    }
  }
}

}  // namespace mayfly::pci
