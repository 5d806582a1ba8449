// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "memory/page_set.hpp"

namespace mayfly::dirty {

/// Pages that were written, by number: many threads put in, one takes all out. No locks.
class DirtyPages {
 public:
  /// Of `pages` pages, none of them written. Throws std::bad_alloc.
  explicit DirtyPages(std::uint64_t pages) : pages_(pages), words_((pages + kBits - 1) / kBits) {}

  /// Any thread. `page` is below the number of pages.
  void insert(std::uint64_t page) noexcept;
  /// Moves all into `to`, a set of as many, in addition to what is there. What is put in meanwhile comes with
  /// this call or stays for the next. One thread at a time.
  void take(PageSet& to) noexcept;

  [[nodiscard]] std::uint64_t pages() const noexcept { return pages_; }

 private:
  static constexpr std::uint64_t kBits = 64;

  std::uint64_t pages_;
  std::vector<std::atomic<std::uint64_t>> words_;
};

}  // namespace mayfly::dirty
