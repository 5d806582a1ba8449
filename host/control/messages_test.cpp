// SPDX-License-Identifier: Apache-2.0
#include "control/messages.hpp"

#include <gtest/gtest.h>

#include "control/control_fixture.hpp"

namespace mayfly::control {
namespace {

using testing::full_status;

std::string code_of(std::string_view line) {
  const auto request = parse_request(line);
  return request.has_value() ? "" : request.error().code;
}

TEST(ControlRequest, EachVerbGoesThereAndBack) {
  for (const Verb verb :
       {Verb::kStatus, Verb::kStop, Verb::kKill, Verb::kPause, Verb::kResume, Verb::kWait, Verb::kExec}) {
    const std::string line = to_line(Request{.verb = verb});
    EXPECT_EQ(line.back(), '\n');
    EXPECT_EQ(parse_request(line).value(), (Request{.verb = verb}));
  }
  const Request balloon{.verb = Verb::kBalloon, .bytes = 1ULL << 40U};
  EXPECT_EQ(parse_request(to_line(balloon)).value(), balloon);
  EXPECT_EQ(to_line(Request{.verb = Verb::kStatus}), "{\"version\":1,\"verb\":\"status\"}\n");
}

TEST(ControlRequest, GarbageIsRefused) {
  for (const char* line : {"", "x", "{", "[]", "1", "null", "\"status\"", "{\"version\":1}{", "\xff\xfe"}) {
    EXPECT_EQ(code_of(line), "malformed") << line;
  }
}

TEST(ControlRequest, DepthIsRefused) {
  EXPECT_EQ(code_of(R"({"version":1,"verb":{"a":1}})"), "malformed");
  EXPECT_EQ(code_of(R"({"version":1,"verb":"status","bytes":[[[[]]]]})"), "malformed");
  EXPECT_EQ(code_of(std::string(kRequestBytesMax, '[')), "malformed");
  const std::string half(kRequestBytesMax / 2 - 20, '[');
  EXPECT_EQ(code_of("{\"verb\":" + half + std::string(half.size(), ']') + "}"), "malformed");
}

TEST(ControlRequest, TooLongOneIsRefusedUnread) {
  std::string line = to_line(Request{});
  line.insert(1, std::string(kRequestBytesMax + 1 - line.size(), ' '));
  EXPECT_EQ(code_of(line), "too-long");
  line.erase(1, 1);
  EXPECT_EQ(code_of(line), "");
}

TEST(ControlRequest, OtherVersionsAreRefusedWithOurs) {
  for (const char* line :
       {R"({"verb":"status"})", R"({"version":2,"verb":"status"})", R"({"version":"1","verb":"status"})",
        R"({"version":1.0,"verb":"status"})", R"({"version":-1,"verb":"status"})"}) {
    const auto request = parse_request(line);
    ASSERT_FALSE(request.has_value()) << line;
    EXPECT_EQ(request.error().code, "version");
    EXPECT_NE(request.error().message.find("version 1"), std::string::npos);
  }
}

TEST(ControlRequest, UnknownVerbsAndMembersAreRefused) {
  EXPECT_EQ(code_of(R"({"version":1,"verb":"reboot"})"), "unknown-verb");
  EXPECT_EQ(code_of(R"({"version":1,"verb":7})"), "unknown-verb");
  EXPECT_EQ(code_of(R"({"version":1})"), "unknown-verb");
  EXPECT_EQ(code_of(R"({"version":1,"verb":"stop","force":true})"), "unknown-member");
}

TEST(ControlRequest, BytesAreTheBalloonsAndANumber) {
  EXPECT_EQ(code_of(R"({"version":1,"verb":"balloon"})"), "malformed");
  EXPECT_EQ(code_of(R"({"version":1,"verb":"stop","bytes":1})"), "malformed");
  for (const char* bytes : {"-1", "1.5", "\"1\"", "true", "99999999999999999999999"}) {
    EXPECT_EQ(code_of(std::string(R"({"version":1,"verb":"balloon","bytes":)") + bytes + "}"), "malformed")
        << bytes;
  }
}

TEST(ControlResponse, StatusGoesThereAndBack) {
  const std::string line = to_line(Response{.status = full_status()});
  const auto response = parse_response(line);
  ASSERT_TRUE(response.has_value() && response->status.has_value());
  EXPECT_FALSE(response->refusal.has_value());
  EXPECT_EQ(to_line(Response{.status = response->status}), line);
  EXPECT_EQ(response->status->state, State::kPaused);
  EXPECT_EQ(response->status->dma->failure, "no memory");
  EXPECT_EQ(response->status->disks->flush_errors, 18U);
  EXPECT_EQ(response->status->disks->held_ns, 20U);
  EXPECT_EQ(response->status->network->receive_holds, 23U);
  EXPECT_EQ(response->status->exits.back().second, 9U);
  EXPECT_EQ(response->status->ready_ns, 43'000'000U);
}

TEST(ControlResponse, WhatAVmHasNotIsAbsent) {
  const std::string line = to_line(Response{.status = Status{.id = "a"}});
  for (const char* member : {"ready_ns", "balloon", "dma", "prefault", "network", "disks", "sockets"}) {
    EXPECT_EQ(line.find(member), std::string::npos) << member;
  }
  EXPECT_FALSE(parse_response(line)->status->balloon.has_value());
}

TEST(ControlResponse, RefusalAndExitStatusGoThereAndBack) {
  const auto refused = parse_response(to_line(Response{.refusal = Refusal{"size", "too much"}}));
  EXPECT_EQ(refused->refusal->code, "size");
  EXPECT_EQ(refused->refusal->message, "too much");
  EXPECT_EQ(parse_response(to_line(Response{.exit_status = 137}))->exit_status, 137);
}

TEST(ControlResponse, MembersOfLaterServersArePassedOver) {
  EXPECT_TRUE(parse_response(R"({"version":1,"ok":true,"more":{"deep":[]}})").has_value());
}

TEST(ControlResponse, WhatIsNoneIsNone) {
  for (const char* line :
       {"", "{}", "[]", R"({"version":1})", R"({"version":2,"ok":true})", R"({"version":1,"ok":"yes"})",
        R"({"version":1,"ok":false})", R"({"version":1,"ok":false,"error":"x"})",
        R"({"version":1,"ok":true,"status":{}})", R"({"version":1,"ok":true,"status":[]})",
        R"({"version":1,"ok":true,"exit_status":256})", R"({"version":1,"ok":true,"exit_status":-1})"}) {
    EXPECT_FALSE(parse_response(line).has_value()) << line;
  }
  std::string wrong = to_line(Response{.status = full_status()});
  wrong.replace(wrong.find("\"paused\""), 8, "\"asleep\"");
  EXPECT_FALSE(parse_response(wrong).has_value());
}

TEST(ControlResponse, BytesThatAreNoTextAreReplaced) {
  const std::string line = to_line(Response{.status = Status{.id = "a", .image = "\xff.img"}});
  EXPECT_EQ(parse_response(line)->status->image, "\xef\xbf\xbd.img");
}

}  // namespace
}  // namespace mayfly::control
