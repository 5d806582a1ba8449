// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "base/mapping.hpp"

namespace mayfly {

/// A set of the numbers below size(), one for each piece of some memory: one bit each, in memory that the
/// host gives when a bit near is first set.
///
/// Numbers beyond size() are our error. Not locked. Only the constructor allocates.
class PageSet {
 public:
  /// `count` numbers from `first` on.
  struct Run {
    std::uint64_t first = 0;
    std::uint64_t count = 0;

    [[nodiscard]] constexpr std::uint64_t end() const noexcept { return first + count; }
    /// What both have; count 0 when that is nothing.
    [[nodiscard]] constexpr Run common(Run other) const noexcept {
      const std::uint64_t from = first > other.first ? first : other.first;
      const std::uint64_t to = end() < other.end() ? end() : other.end();
      return {from, to > from ? to - from : 0};
    }
    friend constexpr bool operator==(const Run&, const Run&) noexcept = default;
  };

  /// Empty. Throws Error when there is no address space for it.
  explicit PageSet(std::uint64_t size);

  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] bool contains(std::uint64_t number) const noexcept;
  /// Whether all, or none, of the run is in the set; takes time in proportion to its length.
  [[nodiscard]] bool contains_all(Run run) const noexcept;
  [[nodiscard]] bool contains_none(Run run) const noexcept;
  /// How many of the run are in the set.
  [[nodiscard]] std::uint64_t count(Run run) const noexcept;
  void insert(Run run) noexcept;
  void erase(Run run) noexcept;
  /// Puts in, or takes out, what `other`, a set of the same size, has of the run.
  void insert_from(const PageSet& other, Run run) noexcept;
  void erase_from(const PageSet& other, Run run) noexcept;
  /// Empties the set and gives its memory back to the host.
  void clear() noexcept;
  /// The first run at or after `from`, as long as it is; nothing when there is none.
  [[nodiscard]] std::optional<Run> next_run(std::uint64_t from) const noexcept;
  /// The first of the run that is in the set, or is not; its end when there is none.
  [[nodiscard]] std::uint64_t first_in(Run run) const noexcept;
  [[nodiscard]] std::uint64_t first_not_in(Run run) const noexcept;

 private:
  [[nodiscard]] std::uint64_t* words() const noexcept;
  enum class Bit : bool { kClear, kSet };
  /// The first number of [from, end) with such a bit; `end` when there is none.
  [[nodiscard]] std::uint64_t find(std::uint64_t from, std::uint64_t end, Bit bit) const noexcept;
  void check(Run run) const noexcept;

  std::uint64_t size_;
  Mapping mapping_;
};

}  // namespace mayfly
