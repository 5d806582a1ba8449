// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/fd.hpp"
#include "broker/client.hpp"
#include "memory/backing.hpp"
#include "vmm/run_config.hpp"
#include "vmm/start_wait.hpp"

namespace mayfly::vmm {

/// Host memory of a guest.
struct GuestRam {
  /// Closed last: the pool that has lent the memory then takes it back. Empty: it is no pool's.
  Fd pool_lease{};
  Backing backing;
  /// The broker that keeps it has mapped it for the guest's devices.
  bool is_mapped = false;
};

/// Takes the memory that `config` asks for: `kept` by the broker of its devices, of its pool, or of the host,
/// where `pages_fallback` says what to do when huge pages are not to be had. Of those who wait the first to
/// find enough has them; Linux tells nobody that pages are free, so they look ten times a second. Main
/// thread. Throws Error, and EndedWaiting.
[[nodiscard]] GuestRam take_ram(const RunConfig& config, std::optional<broker::KeptMemory> kept,
                                const StartWait& wait);

}  // namespace mayfly::vmm
