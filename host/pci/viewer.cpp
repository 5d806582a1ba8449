// SPDX-License-Identifier: Apache-2.0
#include "pci/viewer.hpp"

#include <atomic>
#include <cstring>

#include "base/error.hpp"

namespace mayfly::pci {

Mapping blank_view(std::size_t bytes) {
  void* const address =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (address == MAP_FAILED) {
    fail_errno("cannot map memory for what the guest reads of PCI devices");
  }
  std::memset(address, 0xff, bytes);
  return {address, bytes};
}

void refresh_view(std::span<std::byte> seen, std::span<const std::uint32_t> now) noexcept {
  // Safe: aligned and as long as `now`, as the declaration asks, and dwords are all that lies in it.
  auto* const dwords = reinterpret_cast<std::uint32_t*>(seen.data());
  for (std::size_t i = 0; i < now.size(); ++i) {
    const std::atomic_ref<std::uint32_t> dword(dwords[i]);
    if (dword.load(std::memory_order_relaxed) != now[i]) {
      dword.store(now[i], std::memory_order_relaxed);
    }
  }
}

}  // namespace mayfly::pci
