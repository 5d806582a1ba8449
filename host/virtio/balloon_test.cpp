// SPDX-License-Identifier: Apache-2.0
#include "virtio/balloon.hpp"

#include "testing/balloon_fixture.hpp"

namespace mayfly::virtio {
namespace {

using BalloonTest = testing::BalloonFixture;
using HostileBalloonTest = testing::HostileBalloonFixture;

TEST_F(BalloonTest, OffersWhatAnOrdinaryDriverNeedsAndOurRanges) {
  EXPECT_EQ(driver_->offered(), kFeatureVersion1 | kFeatureIndirectDescriptors |
                                    Balloon::kFeatureMustTellHost | Balloon::kFeatureDeflateOnOom |
                                    Balloon::kFeatureEarlyRanges);
}

TEST_F(BalloonTest, AsksForTheTargetInPages) {
  EXPECT_EQ(driver_->read<std::uint32_t>(kNumPages), kTarget / 4096);
}

TEST_F(BalloonTest, RangesAreHeldWithinTheNotification) {
  start(kEarly);
  EXPECT_TRUE(inflate(std::vector<Entry>{{2 * kUnit, 2 * kUnit}, {6 * kUnit, kUnit}}));
  EXPECT_EQ(held_.held(), (std::vector{unit(2), unit(3), unit(6)}));
  const BalloonCounts counts = balloon_->counts();
  EXPECT_EQ(counts.held_bytes, 3 * kUnit);
  EXPECT_EQ(counts.inflate_notifications, 1U);
  EXPECT_EQ(counts.inflate_entries, 2U);
}

TEST_F(BalloonTest, TwoHundredFiftySixRangesFitIntoOneRequest) {
  start(kEarly);
  std::vector<Entry> entries{{2 * kUnit, kUnit}};
  EXPECT_TRUE(inflate(entries));
  entries.assign(256, {0, kUnit});
  EXPECT_EQ(bytes_of(entries).size(), Balloon::kRequestBytesMax);
  ::testing::internal::CaptureStderr();
  (void)inflate(entries);
  EXPECT_TRUE(failed());  // All the same: the second holds what is held.
  EXPECT_EQ(held_.held(), (std::vector{unit(2), unit(0)}));
  (void)::testing::internal::GetCapturedStderr();
}

TEST_F(BalloonTest, AnOrdinaryDriversPagesAreHeldOnceAUnitIsWhole) {
  start(kOrdinary);
  std::vector<std::uint32_t> pages = pages_of_unit(3);
  const std::uint32_t last = pages.back();
  pages.pop_back();
  EXPECT_TRUE(inflate(pages));
  EXPECT_TRUE(held_.held().empty());
  EXPECT_EQ(balloon_->counts().held_bytes, 511 * 4096U);
  EXPECT_TRUE(inflate(std::vector{last}));
  EXPECT_EQ(held_.held(), std::vector{unit(3)});
}

TEST_F(BalloonTest, OnePageBackReleasesItsUnitOnce) {
  start(kOrdinary);
  EXPECT_TRUE(inflate(pages_of_unit(3)));
  EXPECT_TRUE(deflate(std::vector<std::uint32_t>{3 * 512 + 7}));
  EXPECT_TRUE(held_.held().empty());
  EXPECT_TRUE(deflate(std::vector<std::uint32_t>{3 * 512 + 8}));
  EXPECT_TRUE(inflate(std::vector<std::uint32_t>{3 * 512 + 8, 3 * 512 + 7}));
  EXPECT_EQ(held_.held(), std::vector{unit(3)});
  EXPECT_FALSE(failed());
}

TEST_F(BalloonTest, ANewTargetIsToldByAConfigurationInterrupt) {
  start(kEarly);
  balloon_->set_target(kUnit);
  EXPECT_EQ(driver_->read<std::uint32_t>(kNumPages), 512U);
  const auto messages = sink_.take();
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0].data, testing::FakeVirtioDriver::kMsiData);
}

TEST_F(BalloonTest, TheSameTargetAgainIsNoNews) {
  start(kEarly);
  balloon_->set_target(kTarget);
  EXPECT_TRUE(sink_.take().empty());
}

TEST_F(BalloonTest, ATargetBeyondWhatTheFieldCanSayIsTheMostThatItCan) {
  balloon_->set_target(1ULL << 60U);
  EXPECT_EQ(driver_->read<std::uint32_t>(kNumPages), 0xffffffffU);
  EXPECT_EQ(balloon_->target_bytes(), 0xffffffffULL * 4096);
}

TEST_F(BalloonTest, TheDriverWritesActualAndNothingElse) {
  start(kEarly);
  driver_->write<std::uint32_t>(kActual, 1024);
  driver_->write<std::uint32_t>(kNumPages, 7);
  driver_->write<std::uint16_t>(kActual + 2, 7);
  EXPECT_EQ(driver_->read<std::uint32_t>(kActual), 1024U);
  EXPECT_EQ(driver_->read<std::uint32_t>(kNumPages), kTarget / 4096);
}

TEST_F(BalloonTest, AResetReturnsAllThatWasLent) {
  start(kEarly);
  EXPECT_TRUE(inflate(std::vector<Entry>{{2 * kUnit, 2 * kUnit}}));
  driver_->reset();
  EXPECT_TRUE(held_.held().empty());
  EXPECT_EQ(balloon_->counts().held_bytes, 0U);
  EXPECT_EQ(balloon_->counts().held_bytes_max, 2 * kUnit);
  start(kEarly);
  EXPECT_TRUE(inflate(std::vector<Entry>{{2 * kUnit, kUnit}}));
}

TEST_F(BalloonTest, AResetForgetsTheOrdinaryDriversPages) {
  start(kOrdinary);
  EXPECT_TRUE(inflate(pages_of_unit(3)));
  start(kOrdinary);
  EXPECT_TRUE(inflate(pages_of_unit(3)));
  EXPECT_EQ(held_.held(), std::vector{unit(3)});
}

TEST_F(BalloonTest, NothingIsAskedForWhileAResetsMemoryIsNotBack) {
  start(kEarly);
  EXPECT_TRUE(inflate(std::vector<Entry>{{2 * kUnit, kUnit}}));
  held_.answer(Answer::kLater);
  start(kEarly);
  EXPECT_EQ(driver_->read<std::uint32_t>(kNumPages), 0U);
  held_.finish_all();
  EXPECT_EQ(driver_->read<std::uint32_t>(kNumPages), kTarget / 4096);
  EXPECT_EQ(sink_.take().size(), 1U);
}

TEST_F(BalloonTest, OneResetMayFollowTheOtherBeforeMemoryIsBack) {
  held_.answer(Answer::kLater);
  for (const std::uint64_t at : {2 * kUnit, 3 * kUnit}) {
    start(kEarly);
    EXPECT_TRUE(inflate(std::vector<Entry>{{at, kUnit}}));
  }
  start(kEarly);
  EXPECT_EQ(driver_->read<std::uint32_t>(kNumPages), 0U);
  held_.finish_all();
  EXPECT_EQ(driver_->read<std::uint32_t>(kNumPages), kTarget / 4096);
}

/// Requests that no honest driver sends. Each leaves the device standing still, with what was held before.
struct BadRanges {
  const char* name;
  std::vector<Balloon::RangeEntry> entries;
};
class BalloonBadRanges : public HostileBalloonTest, public ::testing::WithParamInterface<BadRanges> {};

TEST_P(BalloonBadRanges, InflateFails) {
  start(kEarly);
  EXPECT_TRUE(inflate(std::vector<Entry>{{2 * kUnit, 2 * kUnit}}));
  (void)inflate(GetParam().entries);
  EXPECT_TRUE(failed());
  EXPECT_EQ(held_.held(), (std::vector{unit(2), unit(3)}));
}

TEST_P(BalloonBadRanges, DeflateFailsAndIsNotAcknowledged) {
  start(kEarly);
  EXPECT_TRUE(inflate(std::vector<Entry>{{6 * kUnit, kUnit}}));
  EXPECT_FALSE(deflate(GetParam().entries));
  EXPECT_TRUE(failed());
  EXPECT_EQ(held_.held(), std::vector{unit(6)});
}

constexpr std::uint64_t kU = HeldMemory::kUnit;
INSTANTIATE_TEST_SUITE_P(
    All, BalloonBadRanges,
    ::testing::Values(BadRanges{"Empty", {{kU, 0}}}, BadRanges{"StartUnaligned", {{kU + 4096, kU}}},
                      BadRanges{"SizeUnaligned", {{4 * kU, kU - 1}}},
                      BadRanges{"BeyondRam", {{7 * kU, 2 * kU}}}, BadRanges{"OutsideRam", {{8 * kU, kU}}},
                      BadRanges{"WrapsAround", {{4 * kU, ~0ULL - kU + 1}}},
                      BadRanges{"Endless", {{0, 1ULL << 63U}}}, BadRanges{"Overlaps", {{kU, 2 * kU}}}),
    [](const auto& each) { return each.param.name; });

TEST_F(HostileBalloonTest, ARequestOfTheWrongSizeIsAFault) {
  for (const std::size_t bytes : {std::size_t{8}, std::size_t{17}, std::size_t{4112}}) {
    for (const std::uint16_t queue : {Balloon::kInflateQueue, Balloon::kDeflateQueue}) {
      start(kEarly);
      send(queue, std::string(bytes, '\0'));
      EXPECT_TRUE(failed()) << bytes;
    }
  }
}

TEST_F(HostileBalloonTest, ARequestThatWantsAnAnswerIsAFault) {
  for (const std::uint16_t queue : {Balloon::kInflateQueue, Balloon::kDeflateQueue}) {
    start(kEarly);
    ring(queue).chain().readable(bytes_of(std::vector<Entry>{{0, kUnit}})).writable(8).publish();
    driver_->notify(queue);
    EXPECT_TRUE(failed());
    EXPECT_TRUE(held_.held().empty());
  }
}

TEST_F(HostileBalloonTest, APageLentTwiceIsAFault) {
  start(kOrdinary);
  (void)inflate(std::vector<std::uint32_t>{5, 5});
  EXPECT_TRUE(failed());
}

TEST_F(HostileBalloonTest, APageBeyondRamIsAFault) {
  start(kOrdinary);
  (void)inflate(std::vector<std::uint32_t>{kRamBytes / 4096});
  EXPECT_TRUE(failed());
}

TEST_F(HostileBalloonTest, AFailedDeviceHoldsOnUntilItIsReset) {
  start(kEarly);
  EXPECT_TRUE(inflate(std::vector<Entry>{{2 * kUnit, kUnit}}));
  (void)inflate(std::vector<Entry>{{2 * kUnit, kUnit}});
  EXPECT_FALSE(inflate(std::vector<Entry>{{3 * kUnit, kUnit}}));
  EXPECT_EQ(held_.held(), std::vector{unit(2)});
  driver_->reset();
  EXPECT_TRUE(held_.held().empty());
}

}  // namespace
}  // namespace mayfly::virtio
