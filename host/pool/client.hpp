// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/fd.hpp"
#include "lease/asking.hpp"
#include "pool/messages.hpp"

namespace mayfly::pool {

/// Memory that a pool has lent, ours as long as this lives.
struct LentMemory {
  /// Closed last: the pool then takes the memory back.
  Fd connection{};
  /// A memfd, for Backing.
  Fd file{};
  /// What it is made of, by the pool's word.
  Pages pages = Pages::kAuto;
};

/// Asks the pool at `path` for `bytes` of memory, nearest to the CPU that this runs on; `wait` is for it
/// while it is being filled. Throws Error: the pool's reason where it refuses.
[[nodiscard]] LentMemory take_memory(const std::string& path, std::uint64_t bytes, Pages pages,
                                     const lease::Wait& wait = lease::wait_a_minute);

/// What the pool at `path` has, and has done. Throws Error.
[[nodiscard]] std::vector<ShelfStatus> ask_status(const std::string& path);

}  // namespace mayfly::pool
