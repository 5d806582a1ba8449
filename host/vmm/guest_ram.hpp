// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>

#include "base/fd.hpp"
#include "broker/client.hpp"
#include "memory/backing.hpp"
#include "vmm/outcome.hpp"
#include "vmm/run_config.hpp"
#include "vmm/run_requests.hpp"
#include "vmm/signals.hpp"

namespace mayfly::vmm {

/// Host memory of a guest.
struct GuestRam {
  /// Closed last: the pool that has lent the memory then takes it back. Empty: it is no pool's.
  Fd pool_lease{};
  Backing backing;
  /// The broker that keeps it has mapped it for the guest's devices.
  bool is_mapped = false;
};

/// Who may end a wait for memory, and who is told of it.
struct RamWait {
  Signals& signals;
  /// Null: there is no control socket.
  RunRequests* requests = nullptr;
  /// CLOCK_MONOTONIC; 0: none.
  std::uint64_t deadline_ns = 0;
  /// Is told once, in a sentence, what is waited for or taken instead.
  std::function<void(std::string_view)> say;
};

/// Takes the memory that `config` asks for: `kept` by the broker of its devices, of its pool, or of the host,
/// where `pages_fallback` says what to
/// do when huge pages are not to be had. Of those who wait the first to find enough has them; Linux tells
/// nobody that pages are free, so they look ten times a second. A signal, a request or the deadline ends the
/// wait and with it the run: then the outcome is given. Main thread. Throws Error.
[[nodiscard]] std::variant<GuestRam, Outcome> take_ram(const RunConfig& config,
                                                       std::optional<broker::KeptMemory> kept,
                                                       const RamWait& wait);

}  // namespace mayfly::vmm
