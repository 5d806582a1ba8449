// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace mayfly::vfio {

/// A piece of guest memory, counted from 0 in the order of guest addresses.
using PieceIndex = std::uint32_t;

/// A set of pieces: a bitmap with a second one above it that tells which words are not zero, so that looking
/// for a member takes about the same time in a guest of 1 GiB and in one of 4 TiB.
class PieceSet {
 public:
  /// Empty, for pieces below `size`. Allocates here and nowhere else.
  explicit PieceSet(PieceIndex size)
      : size_(size), words_(words_for(size)), summary_(words_for(words_for(size))) {}

  [[nodiscard]] bool contains(PieceIndex piece) const noexcept {
    return (words_[piece / kBits] & bit(piece)) != 0;
  }
  [[nodiscard]] PieceIndex count() const noexcept { return count_; }
  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }

  /// Nothing happens when it is in already.
  void insert(PieceIndex piece) noexcept {
    count_ += contains(piece) ? 0U : 1U;
    words_[piece / kBits] |= bit(piece);
    summary_[piece / kBits / kBits] |= bit(piece / kBits);
  }
  /// Nothing happens when it is not in.
  void erase(PieceIndex piece) noexcept {
    count_ -= contains(piece) ? 1U : 0U;
    words_[piece / kBits] &= ~bit(piece);
    if (words_[piece / kBits] == 0) {
      summary_[piece / kBits / kBits] &= ~bit(piece / kBits);
    }
  }
  /// All pieces.
  void fill() noexcept {
    for (PieceIndex piece = 0; piece < size_; ++piece) {
      insert(piece);
    }
  }

  /// The lowest member at or above `from`.
  [[nodiscard]] std::optional<PieceIndex> next(PieceIndex from) const noexcept {
    return next_in_both(*this, *this, from);
  }

  /// The lowest piece at or above `from` that is in both sets, which are of one size.
  [[nodiscard]] static std::optional<PieceIndex> next_in_both(const PieceSet& a, const PieceSet& b,
                                                              PieceIndex from) noexcept {
    if (from >= a.size_) {
      return std::nullopt;
    }
    std::size_t word = from / kBits;
    std::uint64_t bits = a.words_[word] & b.words_[word] & above(from);
    while (bits == 0) {
      const std::optional<std::size_t> found = next_word(a, b, word + 1);
      if (!found.has_value()) {
        return std::nullopt;
      }
      word = *found;
      bits = a.words_[word] & b.words_[word];
    }
    return static_cast<PieceIndex>(word * kBits + static_cast<std::size_t>(std::countr_zero(bits)));
  }

 private:
  static constexpr std::size_t kBits = 64;

  static constexpr std::size_t words_for(std::size_t bits) noexcept { return (bits + kBits - 1) / kBits; }
  static constexpr std::uint64_t bit(std::size_t index) noexcept { return 1ULL << (index % kBits); }
  static constexpr std::uint64_t above(std::size_t index) noexcept { return ~0ULL << (index % kBits); }

  // The next word, from `from` on, that is not zero in both.
  static std::optional<std::size_t> next_word(const PieceSet& a, const PieceSet& b,
                                              std::size_t from) noexcept {
    for (std::size_t at = from / kBits; at < a.summary_.size(); ++at) {
      std::uint64_t bits = a.summary_[at] & b.summary_[at];
      if (at == from / kBits) {
        bits &= above(from);
      }
      if (bits != 0) {
        return at * kBits + static_cast<std::size_t>(std::countr_zero(bits));
      }
    }
    return std::nullopt;
  }

  PieceIndex size_;
  PieceIndex count_ = 0;
  std::vector<std::uint64_t> words_;
  std::vector<std::uint64_t> summary_;
};

}  // namespace mayfly::vfio
