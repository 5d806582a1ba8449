// SPDX-License-Identifier: Apache-2.0
#include "vfio/unit_bitmap.hpp"

#include <algorithm>
#include <bit>

namespace mayfly::vfio {
namespace {

constexpr std::uint64_t kBits = 64;

// Calls each(word index, mask of the range's bits in it) until it says false; false when it did.
template <typename Each>
bool for_words(UnitRange range, const Each& each) noexcept {
  for (std::uint64_t at = range.first; at < range.end();) {
    const std::uint64_t next = std::min((at / kBits + 1) * kBits, range.end());
    const std::uint64_t bits = next - at;
    const std::uint64_t ones = bits == kBits ? ~0ULL : (1ULL << bits) - 1;
    if (!each(at / kBits, ones << (at % kBits))) {
      return false;
    }
    at = next;
  }
  return true;
}

}  // namespace

bool UnitBitmap::any(UnitRange range) const noexcept {
  return !for_words(range,
                    [this](std::uint64_t word, std::uint64_t mask) { return (words_[word] & mask) == 0; });
}

bool UnitBitmap::all(UnitRange range) const noexcept {
  return for_words(range,
                   [this](std::uint64_t word, std::uint64_t mask) { return (words_[word] & mask) == mask; });
}

void UnitBitmap::set(UnitRange range) noexcept {
  for_words(range, [this](std::uint64_t word, std::uint64_t mask) {
    words_[word] |= mask;
    return true;
  });
}

void UnitBitmap::clear(UnitRange range) noexcept {
  for_words(range, [this](std::uint64_t word, std::uint64_t mask) {
    words_[word] &= ~mask;
    return true;
  });
}

std::uint64_t UnitBitmap::count(UnitRange range) const noexcept {
  std::uint64_t sum = 0;
  for_words(range, [this, &sum](std::uint64_t word, std::uint64_t mask) {
    sum += static_cast<std::uint64_t>(std::popcount(words_[word] & mask));
    return true;
  });
  return sum;
}

void UnitBitmap::set_from(const UnitBitmap& other, UnitRange range) noexcept {
  for_words(range, [this, &other](std::uint64_t word, std::uint64_t mask) {
    words_[word] |= other.words_[word] & mask;
    return true;
  });
}

void UnitBitmap::clear_from(const UnitBitmap& other, UnitRange range) noexcept {
  for_words(range, [this, &other](std::uint64_t word, std::uint64_t mask) {
    words_[word] &= ~(other.words_[word] & mask);
    return true;
  });
}

std::uint64_t UnitBitmap::first_set(UnitRange range) const noexcept {
  std::uint64_t found = range.end();
  for_words(range, [this, &found](std::uint64_t word, std::uint64_t mask) {
    const std::uint64_t bits = words_[word] & mask;
    if (bits != 0) {
      found = word * kBits + static_cast<std::uint64_t>(std::countr_zero(bits));
    }
    return bits == 0;
  });
  return found;
}

std::uint64_t UnitBitmap::first_clear(UnitRange range) const noexcept {
  std::uint64_t found = range.end();
  for_words(range, [this, &found](std::uint64_t word, std::uint64_t mask) {
    const std::uint64_t bits = ~words_[word] & mask;
    if (bits != 0) {
      found = word * kBits + static_cast<std::uint64_t>(std::countr_zero(bits));
    }
    return bits == 0;
  });
  return found;
}

}  // namespace mayfly::vfio
