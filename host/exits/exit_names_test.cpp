// SPDX-License-Identifier: Apache-2.0
#include "exits/exit_names.hpp"

#include <gtest/gtest.h>

namespace mayfly::exits {
namespace {

TEST(ExitNames, ReasonsAreInTheWordsOfTheirProcessor) {
  EXPECT_EQ(name_of(Group::kReason, 1ULL << 32U | 12U), "HLT");
  EXPECT_EQ(name_of(Group::kReason, 1ULL << 32U | 0x8000'0021U), "INVALID_STATE")
      << "flags are not the reason";
  EXPECT_EQ(name_of(Group::kReason, 2ULL << 32U | 0x78U), "hlt");
  EXPECT_EQ(name_of(Group::kReason, 2ULL << 32U | UINT32_MAX), "invalid_guest_state");
  EXPECT_EQ(name_of(Group::kReason, 2ULL << 32U | 0x1234U), "0x1234");
  EXPECT_EQ(name_of(Group::kReason, 3ULL << 32U | 12U), "0xc");
}

TEST(ExitNames, PlacesHaveNumberAndDirection) {
  EXPECT_EQ(name_of(Group::kPort, 0x101), "0x80 write");
  EXPECT_EQ(name_of(Group::kMmio, 0x1'fee0'0000ULL << 1U), "0x1fee00000 read");
  EXPECT_EQ(name_of(Group::kMsr, 0x6e0U << 1U | 1U), "0x6e0 write TSC_DEADLINE");
  EXPECT_EQ(name_of(Group::kMsr, 0x123U << 1U), "0x123 read");
}

TEST(ExitNames, OthersHaveTheirWords) {
  EXPECT_EQ(name_of(Group::kUserExit, 2), "io");
  EXPECT_EQ(name_of(Group::kUserExit, kRestarted), "signal");
  EXPECT_EQ(name_of(Group::kUserExit, kFailed), "error");
  EXPECT_EQ(name_of(Group::kUserExit, 999), "999");
  EXPECT_EQ(name_of(Group::kHypercall, 10), "10 SEND_IPI");
  EXPECT_EQ(name_of(Group::kHypercall, 77), "77");
  EXPECT_EQ(name_of(Group::kMsi, 0x24), "vector 0x24");
  EXPECT_EQ(name_of(Group::kVcpu, 7ULL << 32U | 3U), "3");
  EXPECT_EQ(name_of(Group::kMsr, kOtherKeys), "others");
}

TEST(ExitNames, EveryGroupHasOne) {
  EXPECT_EQ(name_of(Group::kReason), "reason");
  EXPECT_EQ(name_of(Group::kMsi), "msi");
}

}  // namespace
}  // namespace mayfly::exits
