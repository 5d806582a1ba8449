// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/checked.hpp"
#include "memory/guest_memory.hpp"

namespace mayfly::testing {

/// RAM of a pretended guest, all zero, with its GuestMemory.
class GuestRam {
 public:
  static constexpr std::uint64_t kDefaultBytes = kMiB;

  /// `bytes` of RAM at guest address `start`.
  explicit GuestRam(std::uint64_t bytes = kDefaultBytes, GuestAddress start = GuestAddress(0))
      : words_(bytes / sizeof(std::uint64_t)),
        // Safe: bytes may alias words.
        memory_(std::array{GuestMemory::Region{.guest = {start, bytes},
                                               .host = reinterpret_cast<std::byte*>(words_.data())}}) {}

  [[nodiscard]] GuestMemory& memory() noexcept { return memory_; }

 private:
  /// Words, so that what is aligned for the guest is aligned here.
  std::vector<std::uint64_t> words_;
  GuestMemory memory_;
};

}  // namespace mayfly::testing
