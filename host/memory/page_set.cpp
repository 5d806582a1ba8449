// SPDX-License-Identifier: Apache-2.0
#include "memory/page_set.hpp"

#include <algorithm>
#include <bit>

#include <sys/mman.h>

#include "base/checked.hpp"
#include "base/error.hpp"
#include "base/sparse_memory.hpp"

namespace mayfly {
namespace {

constexpr std::uint64_t kWordBits = 64;

/// `count` bits from `first` on, all in one word.
constexpr std::uint64_t mask_of(std::uint64_t first, std::uint64_t count) noexcept {
  const std::uint64_t ones = count == kWordBits ? ~0ULL : (1ULL << count) - 1;
  return ones << first % kWordBits;
}

/// Calls `use(word, mask)` for each word that the run has bits in, until it returns false.
template <typename Use>
bool each_word(PageSet::Run run, Use&& use) noexcept {
  std::uint64_t at = run.first;
  while (at < run.end()) {
    const std::uint64_t count = std::min(kWordBits - at % kWordBits, run.end() - at);
    if (!use(at / kWordBits, mask_of(at, count))) {
      return false;
    }
    at += count;
  }
  return true;
}

}  // namespace

PageSet::PageSet(std::uint64_t size)
    : size_(size), mapping_(sparse_memory(align_up(size + 1, kWordBits * 8) / 8)) {}

std::uint64_t* PageSet::words() const noexcept {
  // Safe: aligned to a page, and nothing but words is ever put there.
  return reinterpret_cast<std::uint64_t*>(mapping_.data());
}

void PageSet::check(Run run) const noexcept {
  MAYFLY_ASSERT(run.first <= size_ && run.count <= size_ - run.first);
}

bool PageSet::contains(std::uint64_t number) const noexcept { return contains_all({number, 1}); }

bool PageSet::contains_all(Run run) const noexcept {
  check(run);
  return each_word(run,
                   [this](std::uint64_t word, std::uint64_t mask) { return (words()[word] & mask) == mask; });
}

bool PageSet::contains_none(Run run) const noexcept {
  check(run);
  return each_word(run,
                   [this](std::uint64_t word, std::uint64_t mask) { return (words()[word] & mask) == 0; });
}

std::uint64_t PageSet::count(Run run) const noexcept {
  check(run);
  std::uint64_t sum = 0;
  each_word(run, [this, &sum](std::uint64_t word, std::uint64_t mask) {
    sum += static_cast<std::uint64_t>(std::popcount(words()[word] & mask));
    return true;
  });
  return sum;
}

void PageSet::insert(Run run) noexcept {
  check(run);
  each_word(run, [this](std::uint64_t word, std::uint64_t mask) {
    words()[word] |= mask;
    return true;
  });
}

void PageSet::erase(Run run) noexcept {
  check(run);
  each_word(run, [this](std::uint64_t word, std::uint64_t mask) {
    words()[word] &= ~mask;
    return true;
  });
}

void PageSet::insert_from(const PageSet& other, Run run) noexcept {
  check(run);
  other.check(run);
  each_word(run, [this, &other](std::uint64_t word, std::uint64_t mask) {
    words()[word] |= other.words()[word] & mask;
    return true;
  });
}

void PageSet::erase_from(const PageSet& other, Run run) noexcept {
  check(run);
  other.check(run);
  each_word(run, [this, &other](std::uint64_t word, std::uint64_t mask) {
    words()[word] &= ~(other.words()[word] & mask);
    return true;
  });
}

void PageSet::clear() noexcept {
  // Private memory that is discarded reads as zero afterwards.
  MAYFLY_ASSERT(::madvise(mapping_.data(), mapping_.size(), MADV_DONTNEED) == 0);
}

std::uint64_t PageSet::find(std::uint64_t from, std::uint64_t end, Bit bit) const noexcept {
  for (std::uint64_t at = from; at < end; at = (at / kWordBits + 1) * kWordBits) {
    const std::uint64_t word = words()[at / kWordBits];
    const std::uint64_t wanted = (bit == Bit::kSet ? word : ~word) & (~0ULL << at % kWordBits);
    if (wanted != 0) {
      const std::uint64_t found =
          at / kWordBits * kWordBits + static_cast<std::uint64_t>(std::countr_zero(wanted));
      return std::min(found, end);
    }
  }
  return end;
}

std::optional<PageSet::Run> PageSet::next_run(std::uint64_t from) const noexcept {
  const std::uint64_t first = find(from, size_, Bit::kSet);
  if (first == size_) {
    return std::nullopt;
  }
  return Run{first, find(first, size_, Bit::kClear) - first};
}

std::uint64_t PageSet::first_in(Run run) const noexcept {
  check(run);
  return find(run.first, run.end(), Bit::kSet);
}

std::uint64_t PageSet::first_not_in(Run run) const noexcept {
  check(run);
  return find(run.first, run.end(), Bit::kClear);
}

}  // namespace mayfly
