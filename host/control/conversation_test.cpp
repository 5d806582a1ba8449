// SPDX-License-Identifier: Apache-2.0
#include "control/conversation.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "control/control_fixture.hpp"

namespace mayfly::control {
namespace {

using testing::FakeVm;

class ControlConversation : public ::testing::Test {
 protected:
  /// Takes the answers to what is said; the codes of refusals, "ok" for the others.
  std::string say(std::string_view bytes) {
    std::string answers;
    while (!bytes.empty() && talk_.room() > 0) {
      const std::size_t piece = std::min(talk_.room(), bytes.size());
      talk_.take(bytes.substr(0, piece));
      bytes.remove_prefix(piece);
      answers += take_answers();
    }
    return answers;
  }
  std::string take_answers() {
    std::string answers;
    while (!talk_.unsent().empty()) {
      const std::string_view line = talk_.unsent();
      EXPECT_EQ(line.find('\n'), line.size() - 1);
      const auto response = parse_response(line);
      if (!response.has_value()) {
        ADD_FAILURE() << line;
        return answers;
      }
      answers += (response->refusal       ? response->refusal->code
                  : response->exit_status ? std::to_string(*response->exit_status)
                                          : "ok") +
                 " ";
      talk_.sent(line.size());
    }
    return answers;
  }
  static std::string request(Verb verb) { return to_line(Request{.verb = verb}); }

  FakeVm vm_;
  Conversation talk_{vm_, Trust::kOurs};
};

TEST_F(ControlConversation, EachRequestIsAskedOfTheVmAndAnswered) {
  EXPECT_EQ(say(request(Verb::kStatus)), "ok ");
  EXPECT_EQ(say(to_line(Request{.verb = Verb::kBalloon, .bytes = 7})), "ok ");
  EXPECT_EQ(say(request(Verb::kStop) + request(Verb::kKill) + request(Verb::kPause) + request(Verb::kResume)),
            "ok ok ok ok ");
  EXPECT_EQ(vm_.asked, "status balloon 7 stop kill pause resume ");
}

TEST_F(ControlConversation, RefusalOfTheVmIsPassedOn) {
  vm_.refuses = true;
  EXPECT_EQ(say(request(Verb::kPause)), "no ");
}

TEST_F(ControlConversation, FailureOfTheHostIsAnswered) {
  class Failing final : public RunningVm {
   public:
    [[nodiscard]] Status status() override { throw Error("no memory"); }
    [[nodiscard]] Result<void, Refusal> set_balloon(std::uint64_t) override { return {}; }
    [[nodiscard]] Result<void, Refusal> stop() override { return {}; }
    [[nodiscard]] Result<void, Refusal> kill() override { return {}; }
    [[nodiscard]] Result<void, Refusal> pause() override { return {}; }
    [[nodiscard]] Result<void, Refusal> resume() override { return {}; }
    [[nodiscard]] Result<void, Refusal> may_exec() override { return {}; }
    void join_agent(Fd /*client*/) override {}
  } failing;
  Conversation talk(failing, Trust::kOurs);
  talk.take(request(Verb::kStatus));
  EXPECT_EQ(parse_response(talk.unsent())->refusal->code, "host");
}

TEST_F(ControlConversation, RequestMayComeByteByByte) {
  std::string answers;
  for (const char c : request(Verb::kStatus)) {
    answers += say({&c, 1});
  }
  EXPECT_EQ(answers, "ok ");
}

TEST_F(ControlConversation, GarbageIsAnsweredAndTheNextLineHeard) {
  EXPECT_EQ(say("}{\n\n" + request(Verb::kStop)), "malformed malformed ok ");
}

TEST_F(ControlConversation, RequestWithoutEndIsRefusedOnceAndTheTalkIsOver) {
  EXPECT_EQ(say(std::string(100'000, ' ')), "too-long ");
  EXPECT_TRUE(talk_.is_over());
  EXPECT_EQ(talk_.room(), 0U);
}

TEST_F(ControlConversation, NothingIsTakenWhileAnAnswerIsOnItsWay) {
  talk_.take(request(Verb::kStatus) + request(Verb::kStop));
  EXPECT_EQ(talk_.room(), 0U);
  EXPECT_EQ(vm_.asked, "status ");
  talk_.sent(talk_.unsent().size() - 1);
  EXPECT_EQ(talk_.room(), 0U);
  EXPECT_EQ(vm_.asked, "status ");
  talk_.sent(1);
  EXPECT_EQ(vm_.asked, "status stop ");
}

TEST_F(ControlConversation, WhoWaitsIsAnsweredAtTheEnd) {
  EXPECT_EQ(say(request(Verb::kWait)), "");
  EXPECT_TRUE(talk_.waits());
  EXPECT_EQ(talk_.room(), 0U);
  EXPECT_FALSE(talk_.is_over());
  talk_.end(3);
  EXPECT_EQ(take_answers(), "3 ");
  EXPECT_TRUE(talk_.is_over());
}

TEST_F(ControlConversation, WhoDoesNotWaitHearsNothingOfTheEnd) {
  talk_.end(3);
  EXPECT_EQ(take_answers(), "");
  EXPECT_TRUE(talk_.is_over());
}

TEST_F(ControlConversation, WhoMayNotWaitIsToldAndHeardOn) {
  EXPECT_EQ(say(request(Verb::kWait)), "");
  talk_.refuse_wait();
  EXPECT_EQ(take_answers(), "busy ");
  EXPECT_EQ(say(request(Verb::kStatus)), "ok ");
}

TEST_F(ControlConversation, WhoMayExecIsAnsweredAndThenTheAgents) {
  talk_.take(request(Verb::kExec));
  EXPECT_FALSE(talk_.is_for_agent()) << "the answer is on its way";
  EXPECT_EQ(talk_.room(), 0U);
  EXPECT_EQ(take_answers(), "ok ");
  EXPECT_TRUE(talk_.is_for_agent());
  EXPECT_EQ(talk_.room(), 0U);
  EXPECT_EQ(vm_.asked, "exec ");
}

TEST_F(ControlConversation, WhoMayNotExecIsToldAndHeardOn) {
  vm_.refuses = true;
  EXPECT_EQ(say(request(Verb::kExec)), "no ");
  EXPECT_FALSE(talk_.is_for_agent());
  EXPECT_EQ(say(request(Verb::kStop)), "no ");
}

TEST_F(ControlConversation, WhoDoesNotWaitForTheAnswerToExecIsRefused) {
  EXPECT_EQ(say(request(Verb::kExec) + "x"), "malformed ");
  EXPECT_FALSE(talk_.is_for_agent());
  EXPECT_EQ(vm_.asked, "");
}

TEST_F(ControlConversation, WhatIsWholeAtTheEndOfInputIsAnswered) {
  talk_.take(request(Verb::kStatus) + request(Verb::kStop) + "{\"vers");
  talk_.end_input();
  EXPECT_FALSE(talk_.is_over());
  EXPECT_EQ(take_answers(), "ok ok ");
  EXPECT_TRUE(talk_.is_over());
}

TEST_F(ControlConversation, StrangerIsRefusedOnceAndAsksNothing) {
  Conversation stranger(vm_, Trust::kStranger);
  stranger.take(request(Verb::kKill) + request(Verb::kKill));
  EXPECT_EQ(parse_response(stranger.unsent())->refusal->code, "permission");
  stranger.sent(stranger.unsent().size());
  EXPECT_TRUE(stranger.is_over());
  EXPECT_EQ(vm_.asked, "");
}

}  // namespace
}  // namespace mayfly::control
