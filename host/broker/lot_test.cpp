// SPDX-License-Identifier: Apache-2.0
#include "broker/lot.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace mayfly::broker {
namespace {

using std::chrono::milliseconds;

constexpr vfio::PciAddress kDisk{0, 1, 0, 0};
constexpr RetryRules kRules{.first = milliseconds(10), .longest = milliseconds(50), .failures_max = 3};

Kept kept() {
  Kept kept;
  kept.devices.files.space = Fd(::open("/dev/null", O_RDWR | O_CLOEXEC));
  return kept;
}

TEST(BrokerLot, IsLentOnceItIsOpenAndOpenedAnewAfterwards) {
  Lot lot({{kDisk}}, kRules);
  EXPECT_EQ(lot.state(), Lot::State::kOpening);
  lot.opened(kept());
  EXPECT_EQ(lot.state(), Lot::State::kReady);
  lot.lend("process 7");
  EXPECT_EQ(lot.state(), Lot::State::kLeased);
  EXPECT_EQ(lot.tenant(), "process 7");
  const int space = lot.kept().devices.files.space.get();
  const Kept left = lot.end_lease();
  EXPECT_EQ(lot.state(), Lot::State::kOpening);
  EXPECT_EQ(left.devices.files.space.get(), space);
  EXPECT_FALSE(lot.kept().devices.files.space);
}

TEST(BrokerLot, FewFailuresMeanNothing) {
  Lot lot({{kDisk}}, kRules);
  EXPECT_FALSE(lot.failed("busy"));
  EXPECT_FALSE(lot.failed("busy"));
  EXPECT_EQ(lot.state(), Lot::State::kOpening);
  lot.opened(kept());
  lot.lend("process 7");
  (void)lot.end_lease();
  // They are counted anew.
  EXPECT_FALSE(lot.failed("busy"));
  EXPECT_FALSE(lot.failed("busy"));
  EXPECT_EQ(lot.state(), Lot::State::kOpening);
}

TEST(BrokerLot, ManyFailuresQuarantineItAndThatIsSaidOnce) {
  Lot lot({{kDisk}}, kRules);
  EXPECT_FALSE(lot.failed("first"));
  EXPECT_FALSE(lot.failed("second"));
  EXPECT_TRUE(lot.failed("third"));
  EXPECT_EQ(lot.state(), Lot::State::kQuarantined);
  EXPECT_EQ(lot.why(), "third");
  EXPECT_FALSE(lot.failed("fourth"));
  EXPECT_EQ(lot.why(), "fourth");
}

TEST(BrokerLot, QuarantineEndsWhenItCanBeOpened) {
  Lot lot({{kDisk}}, kRules);
  for (int i = 0; i < 5; ++i) {
    (void)lot.failed("busy");
  }
  lot.opened(kept());
  EXPECT_EQ(lot.state(), Lot::State::kReady);
}

TEST(BrokerLot, EachRetryWaitsTwiceAsLongUpToTheLongest) {
  Lot lot({{kDisk}}, kRules);
  for (const int wait : {10, 20, 40, 50, 50}) {
    (void)lot.failed("busy");
    EXPECT_EQ(lot.retry_after(), milliseconds(wait));
  }
  for (int i = 0; i < 100; ++i) {
    (void)lot.failed("busy");
  }
  EXPECT_EQ(lot.retry_after(), milliseconds(50));
}

TEST(BrokerLot, KnowsItsDevices) {
  const Lot lot({{kDisk, {0, 2, 0, 1}}}, kRules);
  EXPECT_TRUE(lot.has(kDisk));
  EXPECT_FALSE(lot.has({0, 2, 0, 0}));
  EXPECT_EQ(to_string(lot.addresses()), "0000:01:00.0, 0000:02:00.1");
}

}  // namespace
}  // namespace mayfly::broker
