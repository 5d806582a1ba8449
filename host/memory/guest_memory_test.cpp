// SPDX-License-Identifier: Apache-2.0
#include "memory/guest_memory.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace mayfly {
namespace {

class GuestMemoryTest : public ::testing::Test {
 protected:
  std::vector<std::byte> low_ = std::vector<std::byte>(8192);
  std::vector<std::byte> high_ = std::vector<std::byte>(4096);
  std::array<GuestMemory::Region, 2> regions_{
      {{{GuestAddress(0), 8192}, low_.data()}, {{GuestAddress(0x100000000), 4096}, high_.data()}}};
  GuestMemory memory_{regions_};
};

TEST_F(GuestMemoryTest, ReadsWhatWasWritten) {
  EXPECT_TRUE(memory_.write(GuestAddress(0x100000008), std::uint64_t{0x1122334455667788}));
  EXPECT_EQ(memory_.read<std::uint32_t>(GuestAddress(0x100000008)), 0x55667788U);
  EXPECT_EQ(high_[8], std::byte{0x88});
}

TEST_F(GuestMemoryTest, UnalignedAccessWorks) {
  EXPECT_TRUE(memory_.write(GuestAddress(3), std::uint32_t{0xdeadbeef}));
  EXPECT_EQ(memory_.read<std::uint32_t>(GuestAddress(3)), 0xdeadbeefU);
}

TEST_F(GuestMemoryTest, LastByteIsInsideAndTheNextIsNot) {
  EXPECT_TRUE(memory_.read<std::uint8_t>(GuestAddress(8191)).has_value());
  EXPECT_FALSE(memory_.read<std::uint8_t>(GuestAddress(8192)).has_value());
  EXPECT_FALSE(memory_.read<std::uint16_t>(GuestAddress(8191)).has_value());
  EXPECT_FALSE(memory_.write(GuestAddress(8189), std::uint32_t{1}));
}

TEST_F(GuestMemoryTest, RangeThatWrapsAroundIsRefused) {
  std::vector<std::byte> out(64);
  EXPECT_FALSE(memory_.copy_out(GuestAddress(~0ULL - 8), out));
  EXPECT_FALSE(memory_.host_range({GuestAddress(4096), ~0ULL}).has_value());
}

TEST_F(GuestMemoryTest, RangeAcrossTheHoleIsRefused) {
  EXPECT_FALSE(memory_.host_range({GuestAddress(4096), 0x100000000}).has_value());
}

TEST_F(GuestMemoryTest, HostRangePointsIntoTheRegion) {
  const auto range = memory_.host_range({GuestAddress(0x100000100), 16});
  ASSERT_TRUE(range.has_value());
  EXPECT_EQ(range->iov_base, high_.data() + 0x100);
  EXPECT_EQ(range->iov_len, 16U);
}

TEST_F(GuestMemoryTest, CopyInStopsAtNothingButTheEnd) {
  const std::vector<std::byte> in(8192, std::byte{0xaa});
  EXPECT_TRUE(memory_.copy_in(GuestAddress(0), in));
  EXPECT_EQ(low_.back(), std::byte{0xaa});
  EXPECT_FALSE(memory_.copy_in(GuestAddress(1), in));
}

}  // namespace
}  // namespace mayfly
