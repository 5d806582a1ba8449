// SPDX-License-Identifier: Apache-2.0
#include "broker/keeping.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "testing/fake_iommu.hpp"
#include "testing/fake_populate.hpp"

namespace mayfly::broker {
namespace {

using mayfly::testing::FakeIommu;
using mayfly::testing::FakePopulate;
using mayfly::testing::nowhere;

std::vector<GuestRange> maps_of(std::uint64_t bytes) {
  FakeIommu iommu;
  map_for_guest(iommu, {nowhere(), bytes}, {});
  return iommu.made();
}

TEST(BrokerKeeping, MemoryIsMappedWhereTheGuestHasItsRam) {
  EXPECT_EQ(maps_of(512 * kMiB), (std::vector<GuestRange>{{GuestAddress(0), 512 * kMiB}}));
  // Below the hole up to 3 GiB, the rest from 4 GiB on.
  EXPECT_EQ(maps_of(3 * kGiB + 512 * kMiB), (std::vector<GuestRange>{{GuestAddress(0), kGiB},
                                                                     {GuestAddress(kGiB), kGiB},
                                                                     {GuestAddress(2 * kGiB), kGiB},
                                                                     {GuestAddress(4 * kGiB), 512 * kMiB}}));
}

TEST(BrokerKeeping, RefusedMapSaysWhereAndWhy) {
  FakeIommu iommu;
  iommu.refuse_from(GuestAddress(kGiB), ENOMEM);
  try {
    map_for_guest(iommu, {nowhere(), 2 * kGiB}, {});
    FAIL() << "mapped";
  } catch (const Error& error) {
    const std::string said = error.what();
    EXPECT_NE(said.find("cannot map 1024 MiB of guest memory at 0x40000000"), std::string::npos) << said;
    EXPECT_NE(said.find("RLIMIT_MEMLOCK"), std::string::npos) << said;
  }
}

TEST(BrokerKeeping, AllIsPopulatedByWholePages) {
  FakePopulate populate;
  fill({nowhere(), 20 * kMiB}, 2 * kMiB, populate, {});
  EXPECT_EQ(populate.bytes(), 20 * kMiB);
  fill({nowhere(), 2 * kGiB}, kGiB, populate, {});
  EXPECT_EQ(populate.bytes(), 2 * kGiB + 20 * kMiB);
}

TEST(BrokerKeeping, HostWithoutMemoryIsSaid) {
  FakePopulate populate;
  populate.refuse(ENOMEM);
  try {
    fill({nowhere(), 2 * kMiB}, 2 * kMiB, populate, {});
    FAIL() << "filled";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("not enough memory"), std::string::npos);
  }
}

TEST(BrokerKeeping, WhoIsToEndBeginsNothingMore) {
  std::stop_source stop;
  stop.request_stop();
  FakeIommu iommu;
  FakePopulate populate;
  EXPECT_THROW(fill({nowhere(), kGiB}, kGiB, populate, stop.get_token()), Error);
  EXPECT_THROW(map_for_guest(iommu, {nowhere(), kGiB}, stop.get_token()), Error);
  EXPECT_EQ(populate.bytes(), 0U);
  EXPECT_TRUE(iommu.made().empty());
}

}  // namespace
}  // namespace mayfly::broker
