// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "memory/guest_address.hpp"
#include "memory/guest_memory.hpp"
#include "memory/held_memory.hpp"
#include "memory/page_set.hpp"
#include "vfio/piece_set.hpp"

namespace mayfly::vfio {

/// How guest RAM is cut. Sizes in bytes, powers of two and multiples of HeldMemory::kUnit.
struct PieceRules {
  /// Pieces are this large, or larger when there would be more than `max_pieces`.
  std::uint64_t piece_bytes = 128 * kMiB;
  /// Of the lowest 256 MiB, where there are entries enough: a guest that takes memory over little by little
  /// begins there, and what it waits for is no more than what it uses.
  std::uint64_t low_piece_bytes = 16 * kMiB;
  /// The lowest RAM, mapped first, whether or not anybody asks: pieces end where it does, however large they
  /// are. May be nothing.
  std::uint64_t window_bytes = 256 * kMiB;
  /// IOMMU entries that RAM may take. Since each is a piece at least, no order of mapping needs more.
  std::uint32_t max_pieces = 65535;

  /// For guest memory of such host pages: nothing is smaller than one.
  [[nodiscard]] static constexpr PieceRules for_pages(std::uint64_t page_bytes) noexcept {
    PieceRules rules;
    rules.piece_bytes = rules.piece_bytes > page_bytes ? rules.piece_bytes : page_bytes;
    rules.low_piece_bytes = rules.low_piece_bytes > page_bytes ? rules.low_piece_bytes : page_bytes;
    rules.window_bytes = rules.window_bytes > page_bytes ? rules.window_bytes : page_bytes;
    return rules;
  }
};

/// HeldMemory's units of guest RAM, numbered as PieceTable does.
using UnitRange = PageSet::Run;

/// Guest RAM as pieces (what is populated and mapped) and units (what is held), in the order of guest
/// addresses.
///
/// A piece lies within one range of RAM, at a multiple of its size in guest addresses (but for the last of a
/// range); so IOMMU and guest huge pages fit. A unit is HeldMemory::kUnit bytes; units are numbered without
/// gaps. Immutable.
class PieceTable {
 public:
  struct Piece {
    GuestRange guest;
    std::byte* host = nullptr;
    UnitRange units;
  };

  /// Throws Error when RAM cannot be had with max_pieces entries. Each of `ram` is a multiple of
  /// HeldMemory::kUnit in place and size.
  PieceTable(std::span<const GuestMemory::Region> ram, const PieceRules& rules);

  [[nodiscard]] PieceIndex size() const noexcept { return static_cast<PieceIndex>(pieces_.size()); }
  [[nodiscard]] const Piece& operator[](PieceIndex piece) const noexcept { return pieces_[piece]; }
  /// Pieces [0, window_size()) are the window.
  [[nodiscard]] PieceIndex window_size() const noexcept { return window_size_; }
  /// All of RAM, bytes.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::uint64_t units() const noexcept { return bytes_ / HeldMemory::kUnit; }

  /// True when `piece` and the next one are one run in guest and host addresses.
  [[nodiscard]] bool joins_next(PieceIndex piece) const noexcept;
  /// The units of a range that a guest has named, or what is wrong with it.
  [[nodiscard]] Result<UnitRange, HeldFault> units_of(GuestRange range) const noexcept;
  /// The piece of a unit that exists.
  [[nodiscard]] PieceIndex piece_of(std::uint64_t unit) const noexcept;
  /// The first piece that ends above `address`; nothing when no RAM does.
  [[nodiscard]] std::optional<PieceIndex> at_or_after(GuestAddress address) const noexcept;

 private:
  void cut(const GuestMemory::Region& region, std::uint64_t piece_bytes, const PieceRules& rules);

  std::vector<GuestMemory::Region> ram_;
  std::vector<Piece> pieces_;
  PieceIndex window_size_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace mayfly::vfio
