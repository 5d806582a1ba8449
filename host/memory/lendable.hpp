// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/fd.hpp"
#include "memory/backing.hpp"

namespace mayfly {

/// A kind of memory that is made ahead of time, for another process.
struct MemoryKind {
  std::uint64_t bytes = 0;
  /// Never kAuto.
  Pages pages = Pages::k2m;
  /// The NUMA node that it comes from; nothing: any.
  std::optional<std::uint32_t> node{};

  friend bool operator==(const MemoryKind&, const MemoryKind&) noexcept = default;

  /// Whether it is what somebody asks for; kAuto: of any pages.
  [[nodiscard]] bool fits(std::uint64_t wanted_bytes, Pages wanted) const noexcept {
    return bytes == wanted_bytes && (wanted == Pages::kAuto || wanted == pages);
  }
};

/// "512 MiB of 2m pages", with " on node 1" where that is said.
[[nodiscard]] std::string to_string(const MemoryKind& kind);

/// Memory of a file that nobody else has, nothing of it populated: Backing::take_file() gives that for
/// another process. Throws Error when the host has not enough, or no file of such pages.
[[nodiscard]] Backing make_lendable(const MemoryKind& kind);

/// Gives the pages of such a file back to the host, though others may still have it open or mapped.
void give_back(Fd file, std::uint64_t bytes) noexcept;

}  // namespace mayfly
