// SPDX-License-Identifier: Apache-2.0
#include "vmm/guest_ram.hpp"

#include <utility>
#include <vector>

#include "base/error.hpp"
#include "pool/client.hpp"
#include "vmm/placement.hpp"

namespace mayfly::vmm {
namespace {

constexpr std::uint64_t kLookNs = 100'000'000;

GuestRam borrow_ram(const RunConfig& config, const StartWait& wait) {
  pool::LentMemory lent = pool::take_memory(config.pool, config.memory_bytes, config.pages,
                                            wait_for_answer(wait, "memory of the pool at " + config.pool));
  return {std::move(lent.connection), Backing(std::move(lent.file), config.memory_bytes, lent.pages)};
}

/// What the broker of a guest's devices keeps with them is all that the guest has. Throws Error.
void require_for_kept(const RunConfig& config) {
  const std::string why = "; the broker of device " + to_string(config.devices.front().address) +
                          " keeps the guest's memory with it, populated and mapped";
  if (!config.pool.empty()) {
    throw Error("leave out --pool" + why);
  }
  if (!config.numa.empty()) {
    throw Error("leave out --numa" + why + " (node=N of `mayfly device serve` says from where)");
  }
  if (config.balloon_bytes.has_value()) {
    throw Error("leave out --balloon" + why + ": none need be held back");
  }
  if (config.dma_window_bytes.has_value()) {
    throw Error("leave out --dma-window" + why);
  }
}

}  // namespace

GuestRam take_ram(const RunConfig& config, std::optional<broker::KeptMemory> kept, const StartWait& wait) {
  if (kept.has_value()) {
    require_for_kept(config);
    return GuestRam{Fd(), Backing(std::move(kept->file), config.memory_bytes, kept->pages), true};
  }
  if (!config.pool.empty()) {
    return borrow_ram(config, wait);
  }
  const std::vector<std::uint32_t> nodes = host_ids(config.placement);
  bool told = false;
  for (;;) {
    try {
      return GuestRam{Fd(), Backing(config.memory_bytes, config.pages, nodes)};
    } catch (const NotEnoughPages& error) {
      if (config.pages_fallback == PagesFallback::kError) {
        throw;
      }
      if (config.pages_fallback == PagesFallback::kSmall) {
        GuestRam ram{Fd(), Backing(config.memory_bytes, Pages::kAuto, nodes)};
        wait.say(error.shortage() + "; takes " + std::string(name(ram.backing.pages())) + " pages");
        return ram;
      }
      if (!std::exchange(told, true)) {
        wait.say(error.shortage() + "; waits for them");
      }
    }
    static_cast<void>(wait_for(wait, -1, kLookNs, "pages"));
  }
}

}  // namespace mayfly::vmm
