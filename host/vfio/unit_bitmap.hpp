// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace mayfly::vfio {

/// [first, first + count) of the 2 MiB units of guest RAM; see PieceTable.
struct UnitRange {
  std::uint64_t first = 0;
  std::uint64_t count = 0;

  [[nodiscard]] constexpr std::uint64_t end() const noexcept { return first + count; }
  /// What both have; count 0 when that is nothing.
  [[nodiscard]] constexpr UnitRange common(UnitRange other) const noexcept {
    const std::uint64_t from = first > other.first ? first : other.first;
    const std::uint64_t to = end() < other.end() ? end() : other.end();
    return {from, to > from ? to - from : 0};
  }
};

/// One bit for each unit, a word at a time. Ranges lie inside, which is the caller's care.
class UnitBitmap {
 public:
  /// All clear. Allocates here and nowhere else.
  explicit UnitBitmap(std::uint64_t units) : words_((units + kBits - 1) / kBits) {}

  [[nodiscard]] bool any(UnitRange range) const noexcept;
  [[nodiscard]] bool all(UnitRange range) const noexcept;
  void set(UnitRange range) noexcept;
  void clear(UnitRange range) noexcept;
  [[nodiscard]] std::uint64_t count(UnitRange range) const noexcept;
  /// Sets what is set in `other`, a bitmap of the same size, within `range`.
  void set_from(const UnitBitmap& other, UnitRange range) noexcept;
  /// Clears what is set in `other`, a bitmap of the same size, within `range`.
  void clear_from(const UnitBitmap& other, UnitRange range) noexcept;

  /// The first set bit of `range`; its end when there is none.
  [[nodiscard]] std::uint64_t first_set(UnitRange range) const noexcept;
  /// The first clear bit of `range`; its end when there is none.
  [[nodiscard]] std::uint64_t first_clear(UnitRange range) const noexcept;

 private:
  static constexpr std::uint64_t kBits = 64;

  std::vector<std::uint64_t> words_;
};

}  // namespace mayfly::vfio
