// SPDX-License-Identifier: Apache-2.0
#include "vfio/piece_table.hpp"

#include <algorithm>
#include <string>

#include "base/error.hpp"

namespace mayfly::vfio {
namespace {

constexpr std::uint64_t kLowBytes = 256 * kMiB;
// Entries from which on the low pieces are worth theirs.
constexpr std::uint32_t kManyPieces = 1024;

std::uint64_t low_piece_bytes(const PieceRules& rules, std::uint64_t piece_bytes) noexcept {
  return rules.max_pieces < kManyPieces ? piece_bytes : std::min(rules.low_piece_bytes, piece_bytes);
}

// Pieces that `ram` makes, the cut at the window's end counted whether or not it makes one.
std::uint64_t count_pieces(std::span<const GuestMemory::Region> ram, std::uint64_t piece_bytes,
                           const PieceRules& rules) noexcept {
  std::uint64_t sum = 1;
  if (low_piece_bytes(rules, piece_bytes) < piece_bytes) {
    sum += kLowBytes / low_piece_bytes(rules, piece_bytes);
  }
  for (const GuestMemory::Region& region : ram) {
    const std::uint64_t start = region.guest.start.raw();
    sum += (start + region.guest.bytes - 1) / piece_bytes - start / piece_bytes + 1;
  }
  return sum;
}

}  // namespace

PieceTable::PieceTable(std::span<const GuestMemory::Region> ram, const PieceRules& rules)
    : ram_(ram.begin(), ram.end()) {
  if (ram.size() + 1 > rules.max_pieces) {
    throw Error("cannot map guest memory for passthrough devices: the IOMMU has " +
                std::to_string(rules.max_pieces) + " entries left and " + std::to_string(ram.size() + 1) +
                " are needed; raise dma_entry_limit of the module vfio_iommu_type1");
  }
  std::uint64_t piece_bytes = rules.piece_bytes;
  while (count_pieces(ram, piece_bytes, rules) > rules.max_pieces) {
    piece_bytes *= 2;
  }
  pieces_.reserve(count_pieces(ram, piece_bytes, rules));
  for (const GuestMemory::Region& region : ram) {
    cut(region, piece_bytes, rules);
  }
}

void PieceTable::cut(const GuestMemory::Region& region, std::uint64_t piece_bytes, const PieceRules& rules) {
  for (std::uint64_t at = 0; at < region.guest.bytes;) {
    const std::uint64_t start = region.guest.start.raw() + at;
    const std::uint64_t size = bytes_ < kLowBytes ? low_piece_bytes(rules, piece_bytes) : piece_bytes;
    std::uint64_t next = std::min(align_up(start + 1, size) - region.guest.start.raw(), region.guest.bytes);
    if (bytes_ < rules.window_bytes) {
      next = std::min(next, at + rules.window_bytes - bytes_);
      ++window_size_;
    }
    const std::uint64_t bytes = next - at;
    const UnitRange units{bytes_ / HeldMemory::kUnit, bytes / HeldMemory::kUnit};
    pieces_.push_back({{GuestAddress(start), bytes}, region.host + at, units});
    bytes_ += bytes;
    at = next;
  }
}

bool PieceTable::joins_next(PieceIndex piece) const noexcept {
  if (piece + 1 >= size()) {
    return false;
  }
  const Piece& a = pieces_[piece];
  const Piece& b = pieces_[piece + 1];
  return a.guest.start.raw() + a.guest.bytes == b.guest.start.raw() && a.host + a.guest.bytes == b.host;
}

Result<UnitRange, HeldFault> PieceTable::units_of(GuestRange range) const noexcept {
  const auto place = locate(range, ram_);
  if (!place) {
    return unexpected(place.error());
  }
  std::uint64_t before = 0;
  for (std::size_t region = 0; region < place->region; ++region) {
    before += ram_[region].guest.bytes / HeldMemory::kUnit;
  }
  return UnitRange{before + place->units.first, place->units.count};
}

PieceIndex PieceTable::piece_of(std::uint64_t unit) const noexcept {
  const auto after =
      std::upper_bound(pieces_.begin(), pieces_.end(), unit,
                       [](std::uint64_t value, const Piece& piece) { return value < piece.units.first; });
  return static_cast<PieceIndex>(after - pieces_.begin() - 1);
}

std::optional<PieceIndex> PieceTable::at_or_after(GuestAddress address) const noexcept {
  const auto found =
      std::upper_bound(pieces_.begin(), pieces_.end(), address, [](GuestAddress value, const Piece& piece) {
        return value.raw() < piece.guest.start.raw() + piece.guest.bytes;
      });
  return found == pieces_.end() ? std::nullopt
                                : std::optional(static_cast<PieceIndex>(found - pieces_.begin()));
}

}  // namespace mayfly::vfio
