// SPDX-License-Identifier: Apache-2.0
// How a balloon acknowledges a deflate: not before the guest may use the memory.
#include <thread>

#include "testing/balloon_fixture.hpp"
#include "virtio/balloon.hpp"

namespace mayfly::virtio {
namespace {

class BalloonDeflate : public testing::BalloonFixture {
 protected:
  BalloonDeflate() {
    start(kEarly);
    EXPECT_TRUE(inflate(std::vector<Entry>{{2 * kUnit, 4 * kUnit}}));
    (void)sink_.take();
  }
};

TEST_F(BalloonDeflate, IsAcknowledgedAtOnceWhereItCanBe) {
  EXPECT_TRUE(deflate(std::vector<Entry>{{2 * kUnit, kUnit}, {4 * kUnit, kUnit}}));
  EXPECT_EQ(held_.held(), (std::vector{unit(3), unit(5)}));
  EXPECT_EQ(balloon_->counts().acks_at_once, 1U);
  EXPECT_EQ(balloon_->counts().held_bytes, 2 * kUnit);
}

TEST_F(BalloonDeflate, WaitsForTheLastOfItsRanges) {
  held_.answer(Answer::kLater);
  EXPECT_FALSE(deflate(std::vector<Entry>{{2 * kUnit, kUnit}, {4 * kUnit, kUnit}}));
  EXPECT_TRUE(sink_.take().empty());
  EXPECT_TRUE(held_.finish_one());
  EXPECT_FALSE(deflate_.take_used());
  EXPECT_TRUE(held_.finish_one());
  EXPECT_TRUE(deflate_.take_used());
  EXPECT_EQ(sink_.take().size(), 1U);
  EXPECT_EQ(balloon_->counts().acks_later, 1U);
}

TEST_F(BalloonDeflate, RequestsAreTakenOneAfterTheOther) {
  held_.answer(Answer::kLater);
  EXPECT_FALSE(deflate(std::vector<Entry>{{2 * kUnit, kUnit}}));
  EXPECT_FALSE(deflate(std::vector<Entry>{{3 * kUnit, kUnit}}));
  EXPECT_EQ(held_.waiting(), 1U);
  held_.finish_all();
  EXPECT_TRUE(deflate_.take_used());
  EXPECT_TRUE(deflate_.take_used());
  EXPECT_EQ(held_.held(), (std::vector{unit(4), unit(5)}));
}

TEST_F(BalloonDeflate, InflateGoesOnMeanwhile) {
  held_.answer(Answer::kLater);
  EXPECT_FALSE(deflate(std::vector<Entry>{{2 * kUnit, kUnit}}));
  EXPECT_TRUE(inflate(std::vector<Entry>{{6 * kUnit, kUnit}}));
}

TEST_F(BalloonDeflate, ThatIsResetBeforeItsAnswerIsForgotten) {
  held_.answer(Answer::kLater);
  EXPECT_FALSE(deflate(std::vector<Entry>{{2 * kUnit, kUnit}}));
  driver_->reset();
  held_.finish_all();
  held_.answer(Answer::kNow);
  start(kEarly);
  held_.finish_all();
  EXPECT_FALSE(deflate_.take_used());
  EXPECT_TRUE(inflate(std::vector<Entry>{{2 * kUnit, kUnit}}));
  EXPECT_TRUE(deflate(std::vector<Entry>{{2 * kUnit, kUnit}}));
}

TEST_F(BalloonDeflate, AnswersOfAnEarlierLifeAcknowledgeNothing) {
  held_.answer(Answer::kLater);
  EXPECT_FALSE(deflate(std::vector<Entry>{{2 * kUnit, kUnit}}));
  start(kEarly);
  EXPECT_TRUE(inflate(std::vector<Entry>{{6 * kUnit, kUnit}}));
  EXPECT_FALSE(deflate(std::vector<Entry>{{6 * kUnit, kUnit}}));
  // In order: that of the first life, all of the reset, that of the second life.
  EXPECT_EQ(held_.waiting(), 3U);
  EXPECT_TRUE(held_.finish_one());
  EXPECT_TRUE(held_.finish_one());
  EXPECT_FALSE(deflate_.take_used());
  EXPECT_TRUE(held_.finish_one());
  EXPECT_TRUE(deflate_.take_used());
}

TEST_F(BalloonDeflate, ThatIsWrongInPartIsNeverAcknowledged) {
  ::testing::internal::CaptureStderr();
  held_.answer(Answer::kLater);
  EXPECT_FALSE(deflate(std::vector<Entry>{{2 * kUnit, kUnit}, {0, kUnit}}));
  EXPECT_TRUE(failed());
  held_.finish_all();
  EXPECT_FALSE(deflate_.take_used());
  (void)::testing::internal::GetCapturedStderr();
}

TEST_F(BalloonDeflate, OfAnOrdinaryDriverWaitsToo) {
  start(kOrdinary);
  EXPECT_TRUE(inflate(pages_of_unit(6)));
  held_.answer(Answer::kLater);
  EXPECT_FALSE(deflate(std::vector<std::uint32_t>{6 * 512}));
  // The page comes back while its unit is still on its way to the guest: the unit stays there.
  EXPECT_TRUE(inflate(std::vector<std::uint32_t>{6 * 512}));
  EXPECT_TRUE(held_.held().empty());
  held_.finish_all();
  EXPECT_TRUE(deflate_.take_used());
  EXPECT_TRUE(deflate(std::vector<std::uint32_t>{6 * 512 + 1}));
  EXPECT_FALSE(failed());
}

TEST_F(BalloonDeflate, IsAnsweredFromAnotherThread) {
  held_.answer(Answer::kLater);
  EXPECT_FALSE(deflate(std::vector<Entry>{{2 * kUnit, kUnit}}));
  std::thread mapper([this] { held_.finish_all(); });
  mapper.join();
  EXPECT_TRUE(deflate_.take_used());
}

}  // namespace
}  // namespace mayfly::virtio
