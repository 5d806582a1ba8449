// SPDX-License-Identifier: Apache-2.0
// What a console and its driver tell each other through the control queues.
#include "virtio/console_control.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "testing/console_fixture.hpp"

namespace mayfly::virtio {
namespace {

using testing::control_message;
using testing::FakeDriverRing;
using testing::kControlIn;
using testing::kControlOut;

using ConsoleControl = testing::ConsoleFixture;

TEST(Console, RefusesAConfigurationBeyondItsLimits) {
  testing::FakeBackend backend;
  const PortConfig port{.kind = PortKind::kGeneric, .name = "p", .backend = &backend};
  EXPECT_THROW(Console({}), Error);
  EXPECT_THROW(Console({.ports = std::vector(Console::kPortsMax + 1, port), .size = {}}), Error);
  EXPECT_THROW(Console({.ports = {{.name = "x", .backend = nullptr}}, .size = {}}), Error);
  EXPECT_THROW(Console({.ports = {{.name = std::string(65, 'x'), .backend = &backend}}, .size = {}}), Error);
}

TEST_F(ConsoleControl, TellsItsSizeAndPorts) {
  EXPECT_EQ(driver_->read<std::uint16_t>(0x200), 120U);
  EXPECT_EQ(driver_->read<std::uint16_t>(0x202), 40U);
  EXPECT_EQ(driver_->read<std::uint32_t>(0x204), 2U);
  EXPECT_EQ(driver_->read<std::uint16_t>(18), 6U) << "queues";
}

TEST_F(ConsoleControl, AnnouncesAllPortsInOneBatchWithOneInterrupt) {
  start(testing::kConsoleAll);
  fill(kControlIn, 64);
  (void)sink_.take();
  rings_[kControlOut].set_no_interrupt(1);
  control(~0U, ControlEvent::kDeviceReady, 1);
  EXPECT_EQ(sink_.take().size(), 1U);
  EXPECT_EQ(told(), (std::vector<std::string>{"0 add", "0 console", "0 size 120x40", "0 open 1", "1 add",
                                              "1 name mayfly.channel", "1 open 1"}));
}

TEST_F(ConsoleControl, SaysNothingBeforeTheDriverIsReady) {
  start(testing::kConsoleAll);
  fill(kControlIn, 64);
  driver_->notify(kControlIn);
  console_->resize({.columns = 1, .rows = 1});
  EXPECT_TRUE(told().empty());
  control(~0U, ControlEvent::kDeviceReady, 0);
  EXPECT_TRUE(told().empty()) << "the driver failed";
}

TEST_F(ConsoleControl, AnnouncementsWaitForBuffers) {
  start(testing::kConsoleAll);
  for (int i = 0; i < 3; ++i) {
    rings_[kControlIn].chain().writable(64).publish();
  }
  control(~0U, ControlEvent::kDeviceReady, 1);
  std::vector<std::string> messages = told();
  EXPECT_EQ(messages.size(), 3U);
  EXPECT_EQ(rings_[kControlIn].used_flags(), 0U) << "asks for a notification";
  for (int i = 0; i < 5; ++i) {
    driver_->notify(kControlIn);
    for (const std::string& text : told()) {
      messages.push_back(text);
    }
  }
  EXPECT_EQ(messages.size(), 7U);
  EXPECT_EQ(messages.back(), "1 open 1");
  EXPECT_EQ(rings_[kControlIn].used_flags(), kUsedNoNotify);
}

TEST_F(ConsoleControl, TheBacklogOfAnnouncementsIsBounded) {
  start(testing::kConsoleAll);
  for (int i = 0; i < 10'000; ++i) {
    control(~0U, ControlEvent::kDeviceReady, 1);
  }
  fill(kControlIn, 64);
  driver_->notify(kControlIn);
  EXPECT_EQ(told().size(), 7U);
  driver_->notify(kControlIn);
  EXPECT_TRUE(told().empty());
}

TEST_F(ConsoleControl, AResetForgetsWhatWasNotToldYet) {
  start(testing::kConsoleAll);
  control(~0U, ControlEvent::kDeviceReady, 1);
  driver_->reset();
  for (FakeDriverRing& ring : rings_) {
    ring.clear();
  }
  start(testing::kConsoleAll);
  fill(kControlIn, 64);
  driver_->notify(kControlIn);
  EXPECT_TRUE(told().empty());
}

TEST_F(ConsoleControl, TellsANewSizeToConsolesOnly) {
  start_like_linux();
  console_->resize({.columns = 200, .rows = 50});
  EXPECT_EQ(told(), std::vector<std::string>{"0 size 200x50"});
  EXPECT_EQ(driver_->read<std::uint16_t>(0x200), 200U);
}

TEST_F(ConsoleControl, FaultsOnControlMessagesThatMakeNoSense) {
  for (const std::string& text : {std::string("short"), control_message(2, ControlEvent::kPortOpen, 1),
                                  control_message(~0U, ControlEvent::kPortReady, 1)}) {
    ::testing::internal::CaptureStderr();
    for (FakeDriverRing& ring : rings_) {
      ring.clear();
    }
    start(testing::kConsoleAll);
    send(kControlOut, text);
    EXPECT_TRUE(needs_reset());
    (void)::testing::internal::GetCapturedStderr();
  }
}

TEST_F(ConsoleControl, FaultsOnAControlBufferThatIsTooSmall) {
  ::testing::internal::CaptureStderr();
  start(testing::kConsoleAll);
  fill(kControlIn, 7);
  control(~0U, ControlEvent::kDeviceReady, 1);
  EXPECT_TRUE(needs_reset());
  (void)::testing::internal::GetCapturedStderr();
}

}  // namespace
}  // namespace mayfly::virtio
