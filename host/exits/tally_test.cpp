// SPDX-License-Identifier: Apache-2.0
#include "exits/tally.hpp"

#include <cerrno>

#include <gtest/gtest.h>

#include "exits/records_fixture.hpp"

namespace mayfly::exits {
namespace {

using Counts = Tally::Counts;

class TallyOf : public ::testing::Test {
 protected:
  void add(EventKind kind, std::uint64_t first, std::uint64_t second = 0, std::uint64_t third = 0) {
    const std::vector<std::byte> raw = wide_raw(kind, first, second, third);
    tally_.add({.process = 40, .thread = 41, .raw = raw}, events_);
  }

  std::vector<TraceEvent> events_ = wide_events();
  Tally tally_;
};

TEST_F(TallyOf, ExitCountsByReasonProcessAndVcpu) {
  add(EventKind::kExit, 0x78, 2, 3);
  add(EventKind::kExit, 0x78, 2, 1);
  add(EventKind::kExit, 12, 1, 1);
  EXPECT_EQ(tally_.exits(), 3U);
  EXPECT_EQ(tally_.counts(Group::kReason), (Counts{{0x2'0000'0078, 2}, {0x1'0000'000c, 1}}));
  EXPECT_EQ(tally_.counts(Group::kVm), (Counts{{40, 3}}));
  EXPECT_EQ(tally_.counts(Group::kVcpu), (Counts{{40ULL << 32U | 1U, 2}, {40ULL << 32U | 3U, 1}}));
}

TEST_F(TallyOf, AccessesCountByPlaceAndDirection) {
  add(EventKind::kPio, 0x80, 1);
  add(EventKind::kPio, 0x80, 0);
  add(EventKind::kMsr, 0x6e0, 1);
  add(EventKind::kFastMmio, 0x1000);
  EXPECT_EQ(tally_.counts(Group::kPort), (Counts{{0x101, 1}, {0x100, 1}}));
  EXPECT_EQ(tally_.counts(Group::kMsr), (Counts{{0xdc1, 1}}));
  EXPECT_EQ(tally_.counts(Group::kMmio), (Counts{{0x2001, 1}}));
}

// The VMM is asked (0), and the same load is traced again once it has answered (1).
TEST_F(TallyOf, LoadThatTheVmmAnswersCountsOnce) {
  add(EventKind::kMmio, 0x1000, 0);
  add(EventKind::kMmio, 0x1000, 1);
  add(EventKind::kMmio, 0x1000, 2);
  EXPECT_EQ(tally_.counts(Group::kMmio), (Counts{{0x2000, 1}, {0x2001, 1}}));
}

TEST_F(TallyOf, ReturnsToTheVmmCountByReasonOrError) {
  const auto error = [](int value) { return static_cast<std::uint32_t>(-value); };
  add(EventKind::kUserExit, 2, 0);
  add(EventKind::kUserExit, 2, error(EINTR));
  add(EventKind::kUserExit, 2, error(EFAULT));
  EXPECT_EQ(tally_.counts(Group::kUserExit), (Counts{{2, 1}, {kRestarted, 1}, {kFailed, 1}}));
}

TEST_F(TallyOf, InterruptsCountByVectorAndCallsByNumber) {
  add(EventKind::kMsi, 0xffff'4024);
  add(EventKind::kHypercall, 10);
  EXPECT_EQ(tally_.counts(Group::kMsi), (Counts{{0x24, 1}}));
  EXPECT_EQ(tally_.counts(Group::kHypercall), (Counts{{10, 1}}));
  EXPECT_EQ(tally_.exits(), 0U);
}

TEST_F(TallyOf, UnknownAndCutRecordsCountAsLost) {
  const std::vector<std::byte> unknown = RecordBytes().put(std::uint16_t{99}).put(std::uint64_t{0}).bytes();
  tally_.add({1, 1, unknown}, events_);
  const std::vector<std::byte> whole = wide_raw(EventKind::kExit, 1, 1, 1);
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    tally_.add({1, 1, std::span(whole).first(bytes)}, events_);
  }
  tally_.add_lost(1000);
  EXPECT_EQ(tally_.lost(), 1001 + whole.size());
  EXPECT_EQ(tally_.exits(), 0U);
}

TEST_F(TallyOf, GuestCannotMakeItGrowWithoutEnd) {
  for (std::uint64_t i = 0; i < 2 * kKeysMax; ++i) {
    add(EventKind::kFastMmio, i * 8);
  }
  add(EventKind::kFastMmio, 0);
  const Counts& counts = tally_.counts(Group::kMmio);
  EXPECT_EQ(counts.size(), kKeysMax + 1);
  EXPECT_EQ(counts.at(kOtherKeys), kKeysMax);
  EXPECT_EQ(counts.at(1), 2U) << "those that are known are counted on";
}

}  // namespace
}  // namespace mayfly::exits
