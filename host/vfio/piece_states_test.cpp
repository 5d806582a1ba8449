// SPDX-License-Identifier: Apache-2.0
#include "vfio/piece_states.hpp"

#include <gtest/gtest.h>

namespace mayfly::vfio {
namespace {

TEST(PieceStates, APieceIsInTheSetsOfItsState) {
  PieceStates states(2);
  const auto is = [&states](bool absent, bool populated, bool unmapped) {
    return states.absent().contains(1) == absent && states.populated().contains(1) == populated &&
           states.unmapped().contains(1) == unmapped && states.absent().contains(0);
  };
  EXPECT_TRUE(is(true, false, true));
  states.advance(1, PieceState::kPopulating);
  EXPECT_TRUE(is(false, false, true));
  states.advance(1, PieceState::kPopulated);
  EXPECT_TRUE(is(false, true, true));
  states.advance(1, PieceState::kMapping);
  EXPECT_TRUE(is(false, false, true));
  states.advance(1, PieceState::kMapped);
  EXPECT_TRUE(is(false, false, false));
  EXPECT_EQ(states[1], PieceState::kMapped);
}

TEST(PieceStatesDeathTest, NothingIsMappedTwiceNorUnpopulated) {
  PieceStates states(1);
  EXPECT_DEATH(states.advance(0, PieceState::kMapping), "internal error");
  states.advance(0, PieceState::kPopulating);
  states.advance(0, PieceState::kPopulated);
  states.advance(0, PieceState::kMapping);
  EXPECT_DEATH(states.advance(0, PieceState::kMapping), "internal error");
  states.advance(0, PieceState::kMapped);
  EXPECT_DEATH(states.advance(0, PieceState::kMapping), "internal error");
  EXPECT_DEATH(states.advance(0, PieceState::kAbsent), "internal error");
}

}  // namespace
}  // namespace mayfly::vfio
