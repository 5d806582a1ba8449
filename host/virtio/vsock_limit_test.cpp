// SPDX-License-Identifier: Apache-2.0
// What sockets with a limit do when, by a clock that the test sets.
#include <string>

#include "testing/vsock_device_fixture.hpp"

namespace mayfly::virtio {
namespace {

using vsock::Operation;

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr RateLimits kBytes{.bytes = {.per_second = 1024, .burst = 1024}};
constexpr RateLimits kPackets{.operations = {.per_second = 2, .burst = 2}};

class VsockLimitTest : public testing::VsockDeviceFixture {
 protected:
  explicit VsockLimitTest(const RateLimits& receive, const RateLimits& send)
      : VsockDeviceFixture(receive, send) {
    offer();
  }
  /// Has the worker do what it is to do once the time has come that it asks for.
  void wait() {
    ASSERT_GT(device_->deadline_ns(), now_ns_) << "it would never sleep";
    now_ns_ = device_->deadline_ns();
    device_->service();
  }
};

class VsockSendBytesTest : public VsockLimitTest {
 protected:
  VsockSendBytesTest() : VsockLimitTest({}, kBytes) {}
};

class VsockSendPacketsTest : public VsockLimitTest {
 protected:
  VsockSendPacketsTest() : VsockLimitTest({}, kPackets) {}
};

class VsockReceiveBytesTest : public VsockLimitTest {
 protected:
  VsockReceiveBytesTest() : VsockLimitTest(kBytes, {}) {}
};

TEST_F(VsockSendBytesTest, WhatTheGuestSendsStaysInTheRingWithoutTokens) {
  const Opened opened = open_by_client();
  const std::string piece(512, 'x');
  for (int i = 0; i < 4; ++i) {
    send(opened.ports, Operation::kReadWrite, piece);
  }
  const std::string& came = streams_.client(opened.slot).from_guest;
  EXPECT_EQ(came.size(), 1024U);
  EXPECT_EQ(device_->deadline_ns(), now_ns_ + RateLimit::kLeastHoldNs);
  device_->service();
  EXPECT_EQ(came.size(), 1024U) << "nobody may hurry it";
  wait();
  EXPECT_EQ(came.size(), 1536U) << "one token, and then a debt";
  while (came.size() < 2048 && !HasFatalFailure()) {
    wait();
  }
  EXPECT_EQ(device_->deadline_ns(), vsock::Endpoint::kNever) << "nothing waits";
  const std::uint64_t held = now_ns_ - kSecond;
  EXPECT_GE(held, kSecond / 2 - RateLimit::kLeastHoldNs);
  EXPECT_EQ(device_->counts().send_waits.held_ns, held);
  EXPECT_EQ(device_->counts().send_waits.holds, 2U);
  EXPECT_EQ(device_->counts().receive_waits.holds, 0U);
}

TEST_F(VsockSendBytesTest, TheOtherDirectionGoesOn) {
  const Opened opened = open_by_client();
  send(opened.ports, Operation::kReadWrite, std::string(2000, 'x'));
  send(opened.ports, Operation::kReadWrite, "held");
  streams_.client(opened.slot).to_guest = "from the client";
  device_->ready(opened.slot, vsock::Endpoint::kReadable);
  const auto seen = receive();
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->payload, "from the client");
  EXPECT_EQ(streams_.client(opened.slot).from_guest.size(), 2000U);
}

TEST_F(VsockSendPacketsTest, APacketWithoutPayloadIsOneToo) {
  send(kPorts, Operation::kRequest);
  send({701, 5001}, Operation::kRequest);
  send({702, 5002}, Operation::kRequest);
  EXPECT_EQ(streams_.count(), 2U);
  wait();
  EXPECT_EQ(streams_.count(), 3U);
}

TEST_F(VsockSendPacketsTest, AResetGivesNothingBackAndHoldsNothing) {
  send(kPorts, Operation::kRequest);
  send({701, 5001}, Operation::kRequest);
  send({702, 5002}, Operation::kRequest);
  driver_->reset();
  device_->service();
  EXPECT_EQ(device_->deadline_ns(), vsock::Endpoint::kNever);
  start();
  offer();
  send({703, 5003}, Operation::kRequest);
  EXPECT_EQ(streams_.count(), 0U);
  wait();
  EXPECT_EQ(streams_.count(), 1U);
}

TEST_F(VsockReceiveBytesTest, WhatAClientSendsStaysInItsSocketWithoutTokens) {
  const Opened opened = open_by_client();
  streams_.client(opened.slot).to_guest = std::string(6000, 'x');
  device_->ready(opened.slot, vsock::Endpoint::kReadable);
  const auto first = receive();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->payload.size(), kBufferBytes - sizeof(vsock::Header)) << "more than is left, on credit";
  EXPECT_FALSE(receive());
  EXPECT_EQ(streams_.client(opened.slot).to_guest.size(), 6000 - first->payload.size());
  std::size_t came = first->payload.size();
  while (came < 6000 && !HasFatalFailure()) {
    wait();
    while (const auto more = receive()) {
      came += more->payload.size();
    }
  }
  EXPECT_GE(now_ns_, kSecond + (first->payload.size() - 1024) * kSecond / 1024);
  EXPECT_EQ(device_->counts().receive_waits.held_ns, now_ns_ - kSecond);
  EXPECT_EQ(device_->counts().send_waits.holds, 0U);
}

TEST_F(VsockReceiveBytesTest, AConnectionThatGoesLeavesNothingToWaitFor) {
  const Opened opened = open_by_client();
  streams_.client(opened.slot).to_guest = std::string(6000, 'x');
  device_->ready(opened.slot, vsock::Endpoint::kReadable);
  ASSERT_NE(device_->deadline_ns(), vsock::Endpoint::kNever);
  send(opened.ports, Operation::kReset);
  wait();
  EXPECT_EQ(device_->deadline_ns(), vsock::Endpoint::kNever);
}

}  // namespace
}  // namespace mayfly::virtio
