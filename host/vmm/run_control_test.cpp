// SPDX-License-Identifier: Apache-2.0
#include "vmm/run_control.hpp"

#include <array>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace mayfly::vmm {
namespace {

/// A run whose machine is gone, or not there yet; with one, the lab's tests ask.
class RunControlTest : public ::testing::Test {
 protected:
  RunControlTest() {
    config_.image = "app.img";
    config_.cpus = 3;
    config_.devices.push_back({.address = {.domain = 0, .bus = 1, .device = 2, .function = 3}});
  }

  RunConfig config_;
  std::string id_ = "a";
  boot::BootTimeline timeline_{{.at_ns = 5}};
  RunRequests requests_;
  Lifecycle lifecycle_{{}, id_, timeline_};
  RunControl control_{config_, id_, timeline_, requests_, lifecycle_};
};

TEST_F(RunControlTest, StatusNeedsNoMachine) {
  timeline_.note(boot::Milestone::kReady, 105);
  const control::Status status = control_.status();
  EXPECT_EQ(status.id, "a");
  EXPECT_EQ(status.pid, ::getpid());
  EXPECT_EQ(status.state, control::State::kEnding);
  EXPECT_EQ(status.ready_ns, 100U);
  EXPECT_EQ(status.image, "app.img");
  EXPECT_EQ(status.cpus, 3U);
  EXPECT_EQ(status.memory_bytes, 512U << 20U);
  EXPECT_EQ(status.devices, std::vector<std::string>{"0000:01:02.3"});
  EXPECT_TRUE(status.exits.empty());
}

TEST_F(RunControlTest, WhatNeedsAMachineIsRefusedWithoutOne) {
  EXPECT_EQ(control_.pause().error().code, "ending");
  EXPECT_EQ(control_.resume().error().code, "ending");
  EXPECT_EQ(control_.set_balloon(0).error().code, "ending");
  EXPECT_EQ(control_.may_exec().error().code, "ending");
}

TEST_F(RunControlTest, WhoComesForTheAgentOfAMachineThatIsGoneIsHungUpOn) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  const Fd ours(ends[0]);
  control_.join_agent(Fd(ends[1]));
  char byte = 0;
  EXPECT_EQ(::recv(ours.get(), &byte, 1, MSG_DONTWAIT), 0);
}

TEST_F(RunControlTest, StopAndKillReachTheMainLoop) {
  EXPECT_TRUE(control_.stop().has_value());
  EXPECT_TRUE(requests_.stop_asked());
  EXPECT_FALSE(requests_.kill_asked());
  EXPECT_TRUE(control_.kill().has_value());
  EXPECT_TRUE(requests_.kill_asked());
}

}  // namespace
}  // namespace mayfly::vmm
