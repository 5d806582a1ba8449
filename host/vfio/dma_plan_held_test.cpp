// SPDX-License-Identifier: Apache-2.0
// Who is answered when, and that nobody is before it is true.
#include <array>
#include <string>

#include "testing/dma_plan_fixture.hpp"

namespace mayfly::vfio {
namespace {

using testing::DmaPlanTest;
using Cookies = std::vector<std::uint64_t>;

class DmaPlanHeldTest : public DmaPlanTest {
 protected:
  void SetUp() override { start(rules(Background::kWhenTold)); }
};

TEST_F(DmaPlanHeldTest, ReleaseOfMappedMemoryIsAnsweredAtOnce) {
  run();
  hold(pieces(0, 2));
  EXPECT_EQ(release(pieces(0, 2), 1), Answer::kNow);
  EXPECT_EQ(called(), Cookies{});
  EXPECT_EQ(plan().counters().releases_now, 1U);
}

TEST_F(DmaPlanHeldTest, ReleaseIsAnsweredOnlyWhenItsLastPieceIsMapped) {
  hold(pieces(6, 3));
  EXPECT_EQ(release(pieces(6, 3), 7), Answer::kLater);
  for (PieceIndex piece = 6; piece <= 8; ++piece) {
    EXPECT_EQ(populate(), piece);
    EXPECT_EQ(called(), Cookies{});
    EXPECT_EQ(map(), pieces(piece));
  }
  EXPECT_EQ(called(), Cookies{7});
  EXPECT_EQ(called(), Cookies{});  // once
  EXPECT_EQ(plan().counters().releases_later.count, 1U);
  EXPECT_EQ(plan().counters().held_bytes, 0U);
}

TEST_F(DmaPlanHeldTest, BetweenBeginAndEndOfTheMapNobodyIsAnswered) {
  hold(pieces(6));
  EXPECT_EQ(release(pieces(6), 7), Answer::kLater);
  populate();
  const auto job = plan().begin_map();
  ASSERT_TRUE(job.has_value());
  EXPECT_FALSE(plan().has_due());
  plan().end_map(*job, 1);
  EXPECT_TRUE(plan().has_due());
}

TEST_F(DmaPlanHeldTest, ReleasesOfOnePieceAreAllAnsweredByItsMap) {
  hold(pieces(6));
  release(range(kHigh + kPiece, 2 * kMiB), 1);
  release(range(kHigh + kPiece + 4 * kMiB, 4 * kMiB), 2);
  run();
  EXPECT_EQ(called(), (Cookies{1, 2}));
  EXPECT_EQ(plan().counters().held_bytes, 2 * kMiB);
}

TEST_F(DmaPlanHeldTest, SettleIsAnsweredWhenAllThatIsNotHeldIsMapped) {
  hold(pieces(2, 3));
  EXPECT_EQ(plan().settle(done(1), 0), Answer::kLater);
  while (!plan().is_settled()) {
    EXPECT_EQ(called(), Cookies{});
    populate();
    map();
  }
  EXPECT_EQ(called(), Cookies{1});
  for (PieceIndex piece = 0; piece < kPieces; ++piece) {
    EXPECT_EQ(plan().state(piece) == PieceState::kMapped, piece < 2 || piece > 4) << piece;
  }
  EXPECT_EQ(plan().settle(done(2), 0), Answer::kNow);
}

TEST_F(DmaPlanHeldTest, SettledOnceIsSettledForEver) {
  hold(pieces(2, 3));
  (void)plan().settle(done(1), 0);
  run();
  EXPECT_EQ(called(), Cookies{1});
  EXPECT_EQ(release(pieces(3), 2), Answer::kLater);
  EXPECT_TRUE(plan().is_settled());  // it is not the guest's yet
  run();
  EXPECT_EQ(called(), Cookies{2});
  EXPECT_TRUE(plan().is_settled());
}

TEST_F(DmaPlanHeldTest, HoldingTheLastOfTheRestSettlesToo) {
  EXPECT_EQ(plan().settle(done(1), 0), Answer::kLater);
  hold(range(0, 5 * kPiece));
  EXPECT_EQ(called(), Cookies{});
  hold(range(kHigh, kHighBytes));
  EXPECT_EQ(called(), Cookies{1});
}

TEST_F(DmaPlanHeldTest, MemoryBeingReleasedIsNotYetTheGuests) {
  hold(range(0, 5 * kPiece));
  hold(range(kHigh, kHighBytes));
  EXPECT_TRUE(plan().is_settled());
  EXPECT_EQ(release(pieces(4), 1), Answer::kLater);
  EXPECT_EQ(plan().settle(done(2), 0), Answer::kNow);
  EXPECT_EQ(plan().counters().held_bytes, plan().table().bytes());
}

TEST_F(DmaPlanHeldTest, ReleaseAllIsAnsweredWhenNothingIsHeldAnyMore) {
  run();
  hold(pieces(0));
  hold(range(2 * kPiece, 2 * kMiB));
  hold(pieces(7));
  EXPECT_EQ(release(pieces(7), 1), Answer::kLater);
  EXPECT_EQ(plan().release_all(done(2), 0), Answer::kLater);
  EXPECT_EQ(plan().hold(pieces(7), 0), unexpected(HeldFault::kReleasing));
  run();
  EXPECT_EQ(called(), (Cookies{1, 2}));
  EXPECT_EQ(plan().counters().held_bytes, 0U);
  EXPECT_EQ(plan().release_all(done(3), 0), Answer::kNow);
}

TEST_F(DmaPlanHeldTest, WhenReadyTellsAsSoonAsThatMuchCanBeHadAtOnce) {
  plan().begin_background();
  EXPECT_EQ(plan().when_ready(kPiece, done(1), 0), Answer::kNow);  // nothing is held
  hold(range(kHigh, kHighBytes));
  EXPECT_EQ(plan().when_ready(2 * kPiece, done(2), 0), Answer::kLater);
  while (!plan().has_due()) {
    populate();
    ASSERT_TRUE(map().has_value());
  }
  EXPECT_EQ(called(), Cookies{2});
  EXPECT_EQ(plan().next_ready_run(GuestAddress(0)), range(kHigh, 2 * kPiece));
  EXPECT_EQ(plan().when_ready(2 * kPiece, done(3), 0), Answer::kNow);
  EXPECT_EQ(plan().when_ready(kGiB, done(4), 0), Answer::kLater);
  run();
  EXPECT_EQ(called(), Cookies{4});  // there is no more to wait for
}

TEST_F(DmaPlanHeldTest, WhatWasHeldFirstIsMappedFirstAndReadyFirst) {
  for (const PieceIndex piece : {9U, 3U, 6U}) {
    hold(pieces(piece));
  }
  hold(range(kHigh + 2 * kPiece, 2 * kMiB));  // of piece 7, which is mapped with what is in use
  EXPECT_EQ(plan().settle(done(1), 0), Answer::kLater);
  run();
  EXPECT_EQ(called(), Cookies{1});
  EXPECT_EQ(plan().state(7), PieceState::kMapped);
  EXPECT_EQ(plan().when_ready(2 * kMiB, done(2), 0), Answer::kLater);
  plan().begin_background();
  std::uint64_t cookie = 2;
  for (const PieceIndex piece : {9U, 3U, 6U}) {
    EXPECT_EQ(populate(), piece);
    EXPECT_EQ(map(), pieces(piece));
    EXPECT_EQ(called(), Cookies{cookie});
    ++cookie;
    EXPECT_EQ(plan().when_ready((cookie - 1) * kPiece, done(cookie), 0),
              piece == 6 ? Answer::kNow : Answer::kLater);
  }
}

TEST_F(DmaPlanHeldTest, ReadyIsCountedRightlyWhateverIsHeldAndReleasedOutOfTurn) {
  hold(range(kHigh, 2 * kMiB));  // of piece 5
  hold(pieces(8));
  hold(range(kHigh + kPiece, 2 * kMiB));  // of piece 6
  EXPECT_EQ(plan().settle(done(1), 0), Answer::kLater);
  run();
  EXPECT_EQ(called(), Cookies{1});
  EXPECT_EQ(plan().when_ready(2 * kMiB, done(2), 0), Answer::kNow);
  EXPECT_EQ(plan().when_ready(4 * kMiB, done(3), 0), Answer::kLater);
  // Out of turn, in piece 6: more of it is held, and given back.
  hold(range(kHigh + kPiece + 2 * kMiB, 4 * kMiB));
  EXPECT_EQ(release(range(kHigh + kPiece, 2 * kMiB), 4), Answer::kNow);
  EXPECT_EQ(called(), Cookies{});
  // In a piece that was mapped when it was first held there is no turn to wait for.
  hold(range(0, 2 * kMiB));
  EXPECT_EQ(called(), Cookies{3});
  EXPECT_EQ(plan().release_all(done(5), 0), Answer::kLater);
  run();
  EXPECT_EQ(called(), Cookies{5});
  EXPECT_EQ(plan().when_ready(kGiB, done(6), 0), Answer::kNow);
  hold(range(kHigh + kPiece, 2 * kMiB));
  EXPECT_EQ(plan().when_ready(2 * kMiB, done(7), 0), Answer::kNow);
}

TEST_F(DmaPlanHeldTest, ReadyRunsAreHeldMappedAndAsLongAsTheyCanBe) {
  plan().begin_background();
  hold(range(kHigh + 2 * kMiB, 20 * kMiB));
  hold(range(kHigh + 40 * kMiB, 4 * kMiB));
  hold(range(36 * kMiB, 4 * kMiB));
  EXPECT_EQ(plan().next_ready_run(GuestAddress(0)), std::nullopt);
  run();
  EXPECT_EQ(plan().next_ready_run(GuestAddress(0)), range(36 * kMiB, 4 * kMiB));
  EXPECT_EQ(plan().next_ready_run(GuestAddress(37 * kMiB)), range(38 * kMiB, 2 * kMiB));
  EXPECT_EQ(plan().next_ready_run(GuestAddress(39 * kMiB)), range(kHigh + 2 * kMiB, 20 * kMiB));
  EXPECT_EQ(plan().next_ready_run(GuestAddress(kGiB)), range(kHigh + 2 * kMiB, 20 * kMiB));
  EXPECT_EQ(plan().next_ready_run(GuestAddress(kHigh + 8 * kMiB)), range(kHigh + 8 * kMiB, 14 * kMiB));
  EXPECT_EQ(plan().next_ready_run(GuestAddress(kHigh + 22 * kMiB)), range(kHigh + 40 * kMiB, 4 * kMiB));
  EXPECT_EQ(plan().next_ready_run(GuestAddress(kHigh + 44 * kMiB)), std::nullopt);
  EXPECT_EQ(release(range(kHigh + 10 * kMiB, 2 * kMiB), 1), Answer::kNow);
  EXPECT_EQ(plan().next_ready_run(GuestAddress(kHigh)), range(kHigh + 2 * kMiB, 8 * kMiB));
}

TEST_F(DmaPlanHeldTest, AfterAFailureOnlyWhatIsMappedIsAnswered) {
  run();
  hold(pieces(0));
  hold(pieces(3));
  plan().fail();
  EXPECT_EQ(release(pieces(0), 1), Answer::kNow);
  EXPECT_EQ(release(pieces(3), 2), Answer::kLater);
  EXPECT_EQ(plan().settle(done(3), 0), Answer::kLater);
  run();
  EXPECT_EQ(called(), Cookies{});
}

TEST_F(DmaPlanHeldTest, AForgottenOwnerIsNotCalledButItsMemoryComesBack) {
  hold(pieces(6));
  hold(pieces(8));
  release(pieces(6), 1);
  (void)plan().settle(done(2), 0);
  run();
  release(pieces(8), 3);
  plan().forget(this);  // 1 and 2 are due, 3 is on its way
  run();
  EXPECT_EQ(called(), Cookies{});
  EXPECT_EQ(plan().counters().held_bytes, 0U);
}

TEST_F(DmaPlanHeldTest, ReleasesUnderWayAreBounded) {
  DmaRules large = rules(Background::kWhenTold);
  large.pieces.piece_bytes = 4 * kGiB;
  const std::array region{GuestMemory::Region{range(0, 4 * kGiB), ram()[0].host}};
  DmaPlan plan(region, large);
  ASSERT_TRUE(plan.hold(range(0, 4 * kGiB), 0).has_value());
  std::uint64_t at = 0;
  for (std::uint32_t i = 0; i < HeldMemory::kReleasesMax; ++i, at += 2 * kMiB) {
    ASSERT_EQ(plan.release(range(at, 2 * kMiB), done(i), 0), Answer::kLater);
  }
  EXPECT_EQ(plan.release(range(at, 2 * kMiB), done(0), 0), unexpected(HeldFault::kTooManyReleases));
  while (const auto piece = plan.begin_populate()) {
    plan.end_populate(*piece);
  }
  while (const auto job = plan.begin_map()) {
    plan.end_map(*job, 1);
  }
  // Due but not called yet counts too; what was refused is still held.
  EXPECT_EQ(plan.release(range(at, 2 * kMiB), done(0), 0), Answer::kNow);
}

TEST_F(DmaPlanHeldTest, ARequestReplacesItsLastOneEvenWhenThatIsDue) {
  run();
  hold(pieces(0));
  hold(pieces(5));
  for (int i = 0; i < 2000; ++i) {
    ASSERT_EQ(plan().when_ready(2 * kPiece, done(1), 0), Answer::kLater);
    ASSERT_EQ(plan().when_ready(2 * kPiece, done(1), 0), Answer::kLater);
    hold(pieces(1));  // now it is due, but nobody is there to call
    ASSERT_EQ(release(pieces(1), 2), Answer::kNow);
  }
  EXPECT_EQ(called(), Cookies{1});
}

struct Hostile {
  std::string name;
  GuestRange range;
  HeldFault on_hold;
  HeldFault on_release;
};

class DmaPlanHostileTest : public DmaPlanHeldTest, public ::testing::WithParamInterface<Hostile> {};

TEST_P(DmaPlanHostileTest, IsRefusedAndChangesNothing) {
  hold(pieces(6));
  hold(pieces(8));
  release(range(kHigh + 16 * kMiB + kPiece, 2 * kMiB), 1);
  const DmaCounters before = plan().counters();
  EXPECT_EQ(plan().hold(GetParam().range, 0), unexpected(GetParam().on_hold));
  EXPECT_EQ(plan().release(GetParam().range, done(2), 0), unexpected(GetParam().on_release));
  EXPECT_EQ(plan().counters().held_bytes, before.held_bytes);
  run();
  EXPECT_EQ(called(), Cookies{1});
}

constexpr std::uint64_t kHeld = (4ULL << 30U) + 8 * kMiB;
constexpr std::uint64_t kMax = ~0ULL;

INSTANTIATE_TEST_SUITE_P(
    Ranges, DmaPlanHostileTest,
    ::testing::Values(
        Hostile{"Empty", {GuestAddress(kHeld), 0}, HeldFault::kEmpty, HeldFault::kEmpty},
        Hostile{"UnalignedStart",
                {GuestAddress(kHeld + 4096), 2 * kMiB},
                HeldFault::kUnaligned,
                HeldFault::kUnaligned},
        Hostile{"UnalignedSize", {GuestAddress(kHeld), 4096}, HeldFault::kUnaligned, HeldFault::kUnaligned},
        Hostile{"Hole", {GuestAddress(kGiB), 2 * kMiB}, HeldFault::kOutsideRam, HeldFault::kOutsideRam},
        Hostile{"AcrossTheHole",
                {GuestAddress(38 * kMiB), 4 * kGiB},
                HeldFault::kOutsideRam,
                HeldFault::kOutsideRam},
        Hostile{"IntoTheHole",
                {GuestAddress(38 * kMiB), 4 * kMiB},
                HeldFault::kOutsideRam,
                HeldFault::kOutsideRam},
        Hostile{"BehindTheEnd",
                {GuestAddress(4 * kGiB + 44 * kMiB), 2 * kMiB},
                HeldFault::kOutsideRam,
                HeldFault::kOutsideRam},
        Hostile{"Endless",
                {GuestAddress(0), kMax - (2 * kMiB - 1)},
                HeldFault::kOutsideRam,
                HeldFault::kOutsideRam},
        Hostile{"Wrapping",
                {GuestAddress(kMax - (2 * kMiB - 1)), 4 * kMiB},
                HeldFault::kOutsideRam,
                HeldFault::kOutsideRam},
        Hostile{"PartlyHeld",
                {GuestAddress(kHeld + 4 * kMiB), 6 * kMiB},
                HeldFault::kAlreadyHeld,
                HeldFault::kNotHeld},
        Hostile{"BeingReleased",
                {GuestAddress(kHeld + 16 * kMiB), 8 * kMiB},
                HeldFault::kReleasing,
                HeldFault::kReleasing}),
    [](const ::testing::TestParamInfo<Hostile>& hostile) { return hostile.param.name; });

TEST_F(DmaPlanHeldTest, ReleaseOfWhatWasNeverHeldIsRefused) {
  EXPECT_EQ(plan().release(pieces(3), done(1), 0), unexpected(HeldFault::kNotHeld));
}

}  // namespace
}  // namespace mayfly::vfio
