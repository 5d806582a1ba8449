// SPDX-License-Identifier: Apache-2.0
// What is populated and mapped, in which order and how much at a time.
#include "vfio/dma_plan.hpp"

#include <set>

#include "testing/dma_plan_fixture.hpp"

namespace mayfly::vfio {
namespace {

using testing::DmaPlanTest;
using Ranges = std::vector<GuestRange>;

TEST_F(DmaPlanTest, WindowIsMappedFirstAndInOne) {
  start(rules(Background::kWhenTold));
  EXPECT_EQ(populate(), 0U);
  const auto second = plan().begin_populate();
  EXPECT_EQ(second, 1U);
  EXPECT_EQ(map(), std::nullopt);  // its neighbour is coming
  EXPECT_FALSE(plan().is_window_mapped());
  plan().end_populate(*second);
  EXPECT_EQ(map(), pieces(0, 2));
  EXPECT_TRUE(plan().is_window_mapped());
}

TEST_F(DmaPlanTest, NothingBehindTheWindowHappensUntilTold) {
  start(rules(Background::kWhenTold));
  populate_all();
  EXPECT_EQ(map(), pieces(0, 2));
  EXPECT_EQ(populate(), std::nullopt);
  EXPECT_EQ(map(), std::nullopt);
  plan().begin_background();
  EXPECT_EQ(populate(), 2U);
}

TEST_F(DmaPlanTest, WhatIsMappedAheadRestsFromThePauseUntilTold) {
  start(rules(Background::kAhead));
  populate_all();
  for (PieceIndex piece = 0; piece < 6; ++piece) {
    EXPECT_EQ(map(), pieces(piece));  // alone, though nobody waits
  }
  EXPECT_TRUE(plan().is_wanted(6));
  plan().pause_background();
  EXPECT_EQ(map(), std::nullopt);
  EXPECT_FALSE(plan().is_wanted(6));
  EXPECT_EQ(plan().counters().ahead_bytes, 6 * kPiece);
  plan().begin_background();
  EXPECT_EQ(map(), pieces(6, 3));
  EXPECT_EQ(plan().counters().foreground_bytes, 6 * kPiece);
}

TEST_F(DmaPlanTest, APauseKeepsNobodyWaiting) {
  start(rules(Background::kAhead));
  std::vector<PieceIndex> begun;
  for (int i = 0; i < 4; ++i) {
    begun.push_back(*plan().begin_populate());
  }
  plan().pause_background();
  EXPECT_TRUE(plan().is_wanted(1));  // of the window
  EXPECT_FALSE(plan().is_wanted(2));
  EXPECT_EQ(plan().settle(done(1), 0), Answer::kLater);
  EXPECT_TRUE(plan().is_wanted(2));
  for (const PieceIndex piece : begun) {
    plan().end_populate(piece);
  }
  run();
  EXPECT_EQ(called(), std::vector<std::uint64_t>{1});
}

TEST_F(DmaPlanTest, MergesUpToTheIdleCapAtItsMultiplesAndNotAcrossTheHoleNorTheWindow) {
  start(rules());
  populate_all();
  Ranges maps;
  while (const auto mapped = map()) {
    maps.push_back(*mapped);
  }
  // 4 GiB is a multiple of everything; the cap is four pieces.
  EXPECT_EQ(maps, (Ranges{pieces(0, 2), pieces(2, 2), pieces(4), pieces(5, 4), pieces(9, 2)}));
  EXPECT_TRUE(plan().is_all_mapped());
  EXPECT_TRUE(plan().is_settled());
  EXPECT_EQ(plan().counters().entries, 5U);
  EXPECT_EQ(plan().counters().mapped_bytes, plan().table().bytes());
}

TEST_F(DmaPlanTest, AHoleSmallerThanAMapIsNotMapped) {
  std::byte* host = testing::nowhere();
  const std::array ram{GuestMemory::Region{range(0, 2 * kPiece), host},
                       GuestMemory::Region{range(3 * kPiece, kPiece), host + 2 * kPiece}};
  DmaRules no_window = rules();
  no_window.pieces.window_bytes = 2 * kMiB;
  DmaPlan plan(ram, no_window);
  while (const auto piece = plan.begin_populate()) {
    plan.end_populate(*piece);
  }
  Ranges maps;
  while (const auto job = plan.begin_map()) {
    plan.end_map(*job, 1);
    maps.push_back(plan.guest(*job));
  }
  EXPECT_EQ(maps,
            (Ranges{range(0, 2 * kMiB), range(2 * kMiB, 2 * kPiece - 2 * kMiB), range(3 * kPiece, kPiece)}));
}

TEST_F(DmaPlanTest, MapsOnlyWhatIsPopulated) {
  start(rules());
  const auto first = plan().begin_populate();
  EXPECT_EQ(map(), std::nullopt);
  plan().end_populate(*first);
  EXPECT_EQ(map(), pieces(0));
}

TEST_F(DmaPlanTest, MapsOfSeveralMappersDoNotOverlap) {
  start(rules());
  populate_all();
  const auto a = plan().begin_map();
  const auto b = plan().begin_map();
  ASSERT_TRUE(a.has_value() && b.has_value());
  EXPECT_EQ(plan().guest(*a), pieces(0, 2));
  EXPECT_EQ(plan().guest(*b), pieces(2, 2));
  plan().end_map(*b, 1);
  EXPECT_EQ(plan().state(0), PieceState::kMapping);
  EXPECT_EQ(plan().state(2), PieceState::kMapped);
  plan().end_map(*a, 2);
  EXPECT_EQ(plan().state(0), PieceState::kMapped);
}

TEST_F(DmaPlanTest, UrgentPiecesComeFirstInTheOrderOfTheirReleases) {
  start(rules());
  hold(pieces(5, 6));
  EXPECT_EQ(release(pieces(9), 1), Answer::kLater);
  EXPECT_EQ(release(pieces(7), 2), Answer::kLater);
  EXPECT_EQ(populate(), 9U);
  EXPECT_EQ(populate(), 7U);
  EXPECT_EQ(populate(), 0U);
  EXPECT_EQ(map(), pieces(7));
  EXPECT_EQ(map(), pieces(9));
}

TEST_F(DmaPlanTest, AnUrgentPieceDoesNotWaitForItsNeighbour) {
  start(rules());
  hold(pieces(6, 2));
  EXPECT_EQ(release(pieces(6), 1), Answer::kLater);
  EXPECT_EQ(populate(), 6U);
  EXPECT_EQ(release(pieces(7), 2), Answer::kLater);
  ASSERT_EQ(plan().begin_populate(), 7U);  // and not ended
  EXPECT_EQ(map(), pieces(6));
}

TEST_F(DmaPlanTest, MapsAreSmallWhileSomebodyWaits) {
  start(rules());
  populate_all();
  hold(pieces(5, 4));
  EXPECT_EQ(release(pieces(5), 1), Answer::kLater);
  EXPECT_EQ(map(), pieces(5, 2));  // the busy cap
}

TEST_F(DmaPlanTest, BackgroundLeavesWhatIsHeldForLast) {
  start(rules());
  hold(pieces(2, 3));
  hold(pieces(5, 2));
  Ranges maps = run();
  EXPECT_EQ(maps.size(), 11U);  // one thread populates, one maps: nothing to merge
  std::vector<std::uint64_t> order;
  for (const GuestRange& mapped : maps) {
    order.push_back(mapped.start.raw());
  }
  const std::uint64_t p = kPiece;
  EXPECT_EQ(order, (std::vector<std::uint64_t>{0, p, kHigh + 2 * p, kHigh + 3 * p, kHigh + 4 * p,
                                               kHigh + 5 * p, 2 * p, 3 * p, 4 * p, kHigh, kHigh + p}));
}

TEST_F(DmaPlanTest, WhatIsPartlyHeldIsMappedAsIfItWereNot) {
  start(rules(Background::kWhenTold));
  hold(range(2 * kPiece, 3 * kPiece - 2 * kMiB));
  hold(range(kHigh, kHighBytes));
  EXPECT_EQ(plan().settle(done(1), 0), Answer::kLater);
  EXPECT_EQ(run(), (Ranges{pieces(0), pieces(1), pieces(4)}));
  EXPECT_TRUE(plan().is_settled());
  EXPECT_FALSE(plan().is_all_mapped());
}

TEST_F(DmaPlanTest, NoMoreEntriesThanAllowedHoweverScattered) {
  for (std::uint32_t limit = 3; limit <= kPieces; ++limit) {
    DmaRules few = rules(Background::kWhenTold);
    few.pieces.max_pieces = limit;
    start(few);
    EXPECT_LE(plan().table().size(), limit);
    hold(range(0, 5 * kPiece));
    hold(range(kHigh, kHighBytes));
    // One unit of each piece, the last piece first: nothing merges.
    for (PieceIndex piece = plan().table().size(); piece-- > 0;) {
      release(range(plan().table()[piece].guest.start.raw(), 2 * kMiB), piece);
      run();
    }
    EXPECT_TRUE(plan().is_all_mapped());
    EXPECT_LE(plan().counters().entries, limit);
  }
}

TEST_F(DmaPlanTest, EveryMapIsAnEntryToBeUndoneOnce) {
  start(rules());
  Ranges maps = run();
  Ranges entries;
  while (const auto entry = plan().take_entry()) {
    entries.push_back(*entry);
  }
  EXPECT_EQ(entries, maps);
}

TEST_F(DmaPlanTest, MergedMapsAreUndoneAsTheyWereMade) {
  start(rules(Background::kWhenTold));
  populate_all();
  const auto window = map();
  hold(range(kHigh, kHighBytes));
  release(pieces(6, 2), 1);
  populate();
  populate();
  const auto urgent = map();
  EXPECT_EQ(urgent, pieces(6));
  const auto next = map();
  EXPECT_EQ(next, pieces(7));
  EXPECT_EQ(plan().take_entry(), window);
  EXPECT_EQ(plan().take_entry(), urgent);
  EXPECT_EQ(plan().take_entry(), next);
  EXPECT_EQ(plan().take_entry(), std::nullopt);
}

TEST_F(DmaPlanTest, AfterAFailureNothingBegins) {
  start(rules());
  populate_all();
  plan().fail();
  EXPECT_EQ(map(), std::nullopt);
  EXPECT_EQ(populate(), std::nullopt);
}

TEST_F(DmaPlanTest, CountersSayWhatIsDone) {
  start(rules(Background::kWhenTold));
  set_now(99);
  run();
  const DmaCounters window = plan().counters();
  EXPECT_EQ(window.window_mapped_ns, 101U);
  EXPECT_EQ(window.settled_ns, 0U);
  EXPECT_EQ(window.mapped_bytes, 2 * kPiece);
  EXPECT_EQ(window.ram_bytes, 5 * kPiece + kHighBytes);
  EXPECT_EQ(window.pieces, kPieces);
  hold(range(kHigh, kHighBytes));
  EXPECT_EQ(plan().counters().held_bytes, kHighBytes);
  EXPECT_EQ(plan().settle(done(1), now()), Answer::kLater);
  run();
  EXPECT_EQ(plan().counters().settled_ns, 104U);
  EXPECT_EQ(plan().counters().settles_later.max_ns, 3U);
  EXPECT_EQ(plan().counters().all_mapped_ns, 0U);
  plan().begin_background();
  run();
  EXPECT_EQ(plan().counters().all_mapped_ns, 110U);
}

}  // namespace
}  // namespace mayfly::vfio
