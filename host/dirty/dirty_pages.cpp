// SPDX-License-Identifier: Apache-2.0
#include "dirty/dirty_pages.hpp"

#include <bit>

#include "base/error.hpp"

namespace mayfly::dirty {

void DirtyPages::insert(std::uint64_t page) noexcept {
  MAYFLY_ASSERT(page < pages_);
  words_[page / kBits].fetch_or(1ULL << page % kBits, std::memory_order_release);
}

void DirtyPages::take(PageSet& to) noexcept {
  for (std::size_t i = 0; i < words_.size(); ++i) {
    if (words_[i].load(std::memory_order_relaxed) == 0) {
      continue;
    }
    for (std::uint64_t word = words_[i].exchange(0, std::memory_order_acquire); word != 0;) {
      const auto first = static_cast<unsigned>(std::countr_zero(word));
      const auto count = static_cast<unsigned>(std::countr_one(word >> first));
      to.insert({i * kBits + first, count});
      word &= count == kBits ? 0 : ~(((1ULL << count) - 1) << first);
    }
  }
}

}  // namespace mayfly::dirty
