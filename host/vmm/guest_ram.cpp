// SPDX-License-Identifier: Apache-2.0
#include "vmm/guest_ram.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>
#include <vector>

#include <poll.h>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "pool/client.hpp"
#include "vmm/placement.hpp"

namespace mayfly::vmm {
namespace {

constexpr std::uint64_t kLookNs = 100'000'000;

GuestRam borrow_ram(const RunConfig& config) {
  pool::LentMemory lent = pool::take_memory(config.pool, config.memory_bytes, config.pages);
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

/// Why no memory is waited for any more.
std::optional<Outcome> cause_to_leave(const RamWait& wait) {
  while (const std::optional<int> signal = wait.signals.next()) {
    if (*signal != SIGWINCH) {
      return Outcome{OutcomeKind::kKilled, static_cast<std::uint32_t>(*signal),
                     "ended by signal " + std::to_string(*signal) + " while it waited for pages"};
    }
  }
  if (wait.requests != nullptr && (wait.requests->kill_asked() || wait.requests->stop_asked())) {
    const bool kill = wait.requests->kill_asked();
    return Outcome{OutcomeKind::kKilled, static_cast<std::uint32_t>(kill ? SIGKILL : SIGTERM),
                   std::string("ended by mayfly ") + (kill ? "kill" : "stop") + " while it waited for pages"};
  }
  if (wait.deadline_ns != 0 && monotonic_ns() >= wait.deadline_ns) {
    return Outcome{OutcomeKind::kTimeout, 0, "--timeout ran out while it waited for pages"};
  }
  return std::nullopt;
}

void wait_a_while(const RamWait& wait) noexcept {
  std::uint64_t left = kLookNs;
  if (wait.deadline_ns != 0) {
    left = std::min(left, wait.deadline_ns - std::min(wait.deadline_ns, monotonic_ns()));
  }
  std::array<pollfd, 2> watched{
      {{wait.signals.fd(), POLLIN, 0}, {wait.requests == nullptr ? -1 : wait.requests->fd(), POLLIN, 0}}};
  const timespec time{0, static_cast<long>(left)};
  static_cast<void>(::ppoll(watched.data(), watched.size(), &time, nullptr));
}

}  // namespace

std::variant<GuestRam, Outcome> take_ram(const RunConfig& config, std::optional<broker::KeptMemory> kept,
                                         const RamWait& wait) {
  if (kept.has_value()) {
    require_for_kept(config);
    return GuestRam{Fd(), Backing(std::move(kept->file), config.memory_bytes, kept->pages), true};
  }
  if (!config.pool.empty()) {
    return borrow_ram(config);
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
    if (std::optional<Outcome> cause = cause_to_leave(wait)) {
      return *std::move(cause);
    }
    wait_a_while(wait);
  }
}

}  // namespace mayfly::vmm
