// SPDX-License-Identifier: Apache-2.0
#include "vfio/piece_table.hpp"

#include <array>
#include <string>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "testing/fake_iommu.hpp"

namespace mayfly::vfio {
namespace {

std::byte* const kHost = testing::nowhere();
/// All pieces of one size.
constexpr PieceRules kLarge{.low_piece_bytes = 128 * kMiB};

std::vector<GuestMemory::Region> guest(std::uint64_t bytes) {
  constexpr std::uint64_t kLow = 3 * kGiB;
  if (bytes <= kLow) {
    return {{{GuestAddress(0), bytes}, kHost}};
  }
  return {{{GuestAddress(0), kLow}, kHost}, {{GuestAddress(4 * kGiB), bytes - kLow}, kHost + kLow}};
}

TEST(PieceTable, PiecesCoverRamExactlyInOrder) {
  for (const std::uint64_t bytes : {2 * kMiB, 130 * kMiB, 3 * kGiB, 3 * kGiB + 2 * kMiB, 12 * kGiB}) {
    const auto ram = guest(bytes);
    const PieceTable table(ram, {});
    std::uint64_t covered = 0;
    std::uint64_t unit = 0;
    for (PieceIndex piece = 0; piece < table.size(); ++piece) {
      const PieceTable::Piece& now = table[piece];
      const GuestMemory::Region& region = ram[covered < ram[0].guest.bytes ? 0 : 1];
      const std::uint64_t before = covered < ram[0].guest.bytes ? 0 : ram[0].guest.bytes;
      EXPECT_EQ(now.guest.start.raw(), region.guest.start.raw() + covered - before);
      EXPECT_EQ(now.host, region.host + (covered - before));
      EXPECT_EQ(now.units.first, unit);
      EXPECT_EQ(now.units.count * HeldMemory::kUnit, now.guest.bytes);
      covered += now.guest.bytes;
      unit = now.units.end();
    }
    EXPECT_EQ(covered, bytes);
    EXPECT_EQ(table.bytes(), bytes);
    EXPECT_EQ(table.units(), unit);
  }
}

TEST(PieceTable, WindowIsTheSameAtEverySizeAndEntryLimit) {
  for (const std::uint64_t bytes : {kGiB, 16 * kGiB, 512 * kGiB, 4 * kTiB}) {
    for (const std::uint32_t entries : {64U, 1024U, 65535U}) {
      const PieceTable table(guest(bytes), {.max_pieces = entries});
      std::uint64_t window = 0;
      for (PieceIndex piece = 0; piece < table.window_size(); ++piece) {
        window += table[piece].guest.bytes;
      }
      EXPECT_EQ(window, 256 * kMiB);
      EXPECT_LE(table.size(), entries);
    }
  }
}

TEST(PieceTable, PieceSizesAreTheSameUpTo4TiBOfType1) {
  for (const std::uint64_t bytes : {kGiB, 4 * kTiB}) {
    const PieceTable table(guest(bytes), {});
    EXPECT_EQ(table[0].guest, (GuestRange{GuestAddress(0), 16 * kMiB}));
    EXPECT_EQ(table[15].guest, (GuestRange{GuestAddress(240 * kMiB), 16 * kMiB}));
    EXPECT_EQ(table[16].guest, (GuestRange{GuestAddress(256 * kMiB), 128 * kMiB}));
  }
}

TEST(PieceTable, LowPiecesAreNoSmallerThanOthersWhereEntriesAreFew) {
  const PieceTable table(guest(kGiB), {.max_pieces = 1023});
  EXPECT_EQ(table[0].guest.bytes, 128 * kMiB);
}

TEST(PieceTable, NothingIsTheWindowWhereNothingIsToBe) {
  const PieceTable table(guest(kGiB), {.window_bytes = 0});
  EXPECT_EQ(table.window_size(), 0U);
  EXPECT_EQ(table[0].guest.bytes, 16 * kMiB);
}

TEST(PieceTable, NoPieceIsSmallerThanAHostPage) {
  EXPECT_EQ(PieceRules::for_pages(2 * kMiB).piece_bytes, 128 * kMiB);
  EXPECT_EQ(PieceRules::for_pages(2 * kMiB).low_piece_bytes, 16 * kMiB);
  EXPECT_EQ(PieceRules::for_pages(2 * kMiB).window_bytes, 256 * kMiB);
  const PieceTable table(guest(8 * kGiB), PieceRules::for_pages(kGiB));
  EXPECT_EQ(table.size(), 8U);
  EXPECT_EQ(table.window_size(), 1U);
}

TEST(PieceTable, AWindowLargerThanTheLowRangeGoesOnInTheNext) {
  const std::array ram{GuestMemory::Region{{GuestAddress(0), 64 * kMiB}, kHost},
                       GuestMemory::Region{{GuestAddress(kGiB), kGiB}, kHost + 64 * kMiB}};
  const PieceTable table(ram, kLarge);
  ASSERT_EQ(table.window_size(), 3U);
  EXPECT_EQ(table[2].guest, (GuestRange{GuestAddress(kGiB + 128 * kMiB), 64 * kMiB}));
  EXPECT_EQ(table[3].guest, (GuestRange{GuestAddress(kGiB + 192 * kMiB), 64 * kMiB}));
}

TEST(PieceTable, TooFewEntriesAreRefusedWithTheMend) {
  try {
    const PieceTable table(guest(8 * kGiB), {.max_pieces = 2});
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("dma_entry_limit"), std::string::npos) << error.what();
  }
  EXPECT_EQ(PieceTable(guest(8 * kGiB), {.max_pieces = 3}).size(), 3U);
}

TEST(PieceTable, FindsPiecesByUnitAndAddress) {
  const PieceTable table(guest(4 * kGiB), kLarge);
  EXPECT_EQ(table.piece_of(0), 0U);
  EXPECT_EQ(table.piece_of(63), 0U);
  EXPECT_EQ(table.piece_of(64), 1U);
  EXPECT_EQ(table.piece_of(table.units() - 1), table.size() - 1);
  EXPECT_EQ(table.at_or_after(GuestAddress(128 * kMiB - 1)), 0U);
  EXPECT_EQ(table.at_or_after(GuestAddress(128 * kMiB)), 1U);
  EXPECT_EQ(table.at_or_after(GuestAddress(3 * kGiB)), 24U);  // in the hole
  EXPECT_EQ(table.at_or_after(GuestAddress(5 * kGiB)), std::nullopt);
}

TEST(PieceTable, NeighboursJoinWithinARangeOfRamOnly) {
  const PieceTable table(guest(4 * kGiB), kLarge);
  EXPECT_TRUE(table.joins_next(0));
  EXPECT_FALSE(table.joins_next(23));  // 3 GiB
  EXPECT_TRUE(table.joins_next(24));
  EXPECT_FALSE(table.joins_next(table.size() - 1));
  // Neighbours for the guest whose host memory lies apart.
  const std::array ram{GuestMemory::Region{{GuestAddress(0), 128 * kMiB}, kHost},
                       GuestMemory::Region{{GuestAddress(128 * kMiB), 128 * kMiB}, kHost + kGiB}};
  EXPECT_FALSE(PieceTable(ram, kLarge).joins_next(0));
}

}  // namespace
}  // namespace mayfly::vfio
