// SPDX-License-Identifier: Apache-2.0
#include "virtio/console.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "testing/console_fixture.hpp"

namespace mayfly::virtio {
namespace {

using testing::FakeDriverRing;
using testing::kControlIn;
using testing::kControlOut;
using testing::kReceive0;
using testing::kReceive1;
using testing::kTransmit0;
using testing::kTransmit1;

using ConsoleTest = testing::ConsoleFixture;

TEST_F(ConsoleTest, GivesWhatTheGuestSendsToThePortsBackend) {
  start_like_linux();
  send(kTransmit0, "to the console");
  send(kTransmit1, "to the channel");
  EXPECT_EQ(backends_[0].received, "to the console");
  EXPECT_EQ(backends_[1].received, "to the channel");
}

TEST_F(ConsoleTest, TakesALongMessageInOrder) {
  start_like_linux();
  std::string text;
  for (int i = 0; i < 10'000; ++i) {
    text += std::to_string(i);
  }
  send(kTransmit1, text);
  EXPECT_EQ(backends_[1].received, text);
}

TEST_F(ConsoleTest, FaultsOnAMessageOfMoreThanAMebibyte) {
  ::testing::internal::CaptureStderr();
  start_like_linux();
  rings_[kTransmit1].chain().add({0, Console::kChainBytesMax + 1, 0, 0}).publish();
  driver_->notify(kTransmit1);
  EXPECT_TRUE(needs_reset());
  EXPECT_TRUE(backends_[1].received.empty());
  (void)::testing::internal::GetCapturedStderr();
}

TEST_F(ConsoleTest, DoesNotInterruptForSendingWhenTheDriverWantsNone) {
  start_like_linux();
  rings_[kTransmit1].set_no_interrupt(1);
  send(kTransmit1, "quiet");
  EXPECT_TRUE(sink_.take().empty());
}

TEST_F(ConsoleTest, WakePutsBytesIntoTheGuestsBuffers) {
  start_like_linux();
  fill(kReceive1, 4096);
  backends_[1].pending = "for the guest";
  console_->wake(1);
  EXPECT_EQ(received(kReceive1), "for the guest");
  EXPECT_EQ(sink_.take().size(), 1U);
  console_->wake(1);
  EXPECT_TRUE(sink_.take().empty()) << "nothing to send, no interrupt";
}

TEST_F(ConsoleTest, AsksForNoNotificationsWhileItHasNothingToSend) {
  start(testing::kConsoleAll);
  for (const std::size_t queue : {kReceive0, kReceive1, kControlIn}) {
    EXPECT_EQ(rings_[queue].used_flags(), kUsedNoNotify);
  }
  for (const std::size_t queue : {kTransmit0, kTransmit1, kControlOut}) {
    EXPECT_EQ(rings_[queue].used_flags(), 0U);
  }
}

TEST_F(ConsoleTest, BytesWaitInTheBackendForBuffers) {
  start_like_linux();
  backends_[1].pending = std::string(100, 'x');
  console_->wake(1);
  EXPECT_EQ(backends_[1].pending.size(), 100U);
  EXPECT_EQ(rings_[kReceive1].used_flags(), 0U) << "the driver is to notify of buffers";
  rings_[kReceive1].chain().writable(60).publish();
  driver_->notify(kReceive1);
  EXPECT_EQ(backends_[1].pending.size(), 40U);
  rings_[kReceive1].chain().writable(60).publish();
  driver_->notify(kReceive1);
  EXPECT_EQ(received(kReceive1), std::string(100, 'x'));
  rings_[kReceive1].chain().writable(60).publish();
  driver_->notify(kReceive1);
  EXPECT_EQ(rings_[kReceive1].used_flags(), kUsedNoNotify);
}

TEST_F(ConsoleTest, APortGetsNothingBeforeTheGuestOpensIt) {
  start(testing::kConsoleAll);
  fill(kReceive1, 4096);
  backends_[1].pending = "kept";
  console_->wake(1);
  EXPECT_EQ(received(kReceive1), "");
  control(1, ControlEvent::kPortOpen, 1);
  EXPECT_EQ(received(kReceive1), "kept") << "and opening it sends what waited";
  control(1, ControlEvent::kPortOpen, 0);
  backends_[1].pending = "kept again";
  console_->wake(1);
  EXPECT_EQ(received(kReceive1), "");
}

TEST_F(ConsoleTest, FaultsOnAReceiveBufferThatCannotBeWritten) {
  ::testing::internal::CaptureStderr();
  start_like_linux();
  rings_[kReceive1].chain().readable("no").publish();
  backends_[1].pending = "x";
  console_->wake(1);
  EXPECT_TRUE(needs_reset());
  EXPECT_EQ(backends_[1].pending, "x");
  (void)::testing::internal::GetCapturedStderr();
}

TEST_F(ConsoleTest, WithoutMultiportPort0IsAPlainConsole) {
  start(kFeatureVersion1);
  fill(kReceive0, 64);
  backends_[0].pending = "login: ";
  console_->wake(0);
  EXPECT_EQ(received(kReceive0), "login: ");
  send(kTransmit0, "root");
  EXPECT_EQ(backends_[0].received, "root");
  const auto generation = driver_->read<std::uint8_t>(21);
  console_->resize({.columns = 9, .rows = 9});
  EXPECT_NE(driver_->read<std::uint8_t>(21), generation);
}

TEST_F(ConsoleTest, EventIndexWorksAsTheFlagsDo) {
  start(testing::kConsoleAll | kFeatureEventIndex);
  EXPECT_FALSE(passes_event(rings_[kReceive1].avail_event(), 16, 0));
  control(1, ControlEvent::kPortOpen, 1);
  backends_[1].pending = "x";
  console_->wake(1);
  EXPECT_TRUE(passes_event(rings_[kReceive1].avail_event(), 1, 0));
  rings_[kReceive1].chain().writable(8).publish();
  driver_->notify(kReceive1);
  EXPECT_EQ(received(kReceive1), "x");
}

TEST_F(ConsoleTest, WakeIsHarmlessBeforeAndAfterADriver) {
  backends_[1].pending = "x";
  console_->wake(1);
  start_like_linux();
  driver_->reset();
  console_->wake(1);
  console_->resize({});
  EXPECT_EQ(backends_[1].pending, "x");
}

TEST_F(ConsoleTest, ASecondDriverFindsItAsTheFirstDid) {
  start_like_linux();
  fill(kReceive1, 64);
  driver_->reset();
  for (FakeDriverRing& ring : rings_) {
    ring.clear();
  }
  start(testing::kConsoleAll);
  fill(kControlIn, 64);
  fill(kReceive1, 64);
  backends_[1].pending = "x";
  console_->wake(1);
  EXPECT_EQ(backends_[1].pending, "x") << "the port is closed again";
  control(~0U, ControlEvent::kDeviceReady, 1);
  EXPECT_EQ(told().size(), 7U);
}

TEST_F(ConsoleTest, NothingIsLostBetweenWakesAndNotifications) {
  start_like_linux();
  constexpr std::size_t kTotal = 20'000;
  // The producer adds a few bytes and wakes; this thread is the guest, with small buffers and two in hand at
  // most.
  class Producer final : public io::PortBackend {
   public:
    void from_guest(std::span<const std::byte> /*bytes*/) noexcept override {}
    std::size_t to_guest(std::span<std::byte> buffer) noexcept override {
      const std::size_t bytes = std::min(buffer.size(), made.load() - sent);
      std::fill_n(buffer.begin(), bytes, std::byte{'x'});
      sent += bytes;
      return bytes;
    }
    std::atomic<std::size_t> made = 0;
    std::size_t sent = 0;
  } producer;
  auto console = std::make_unique<Console>(
      ConsoleConfig{.ports = {{.kind = PortKind::kConsole, .name = "", .backend = &producer}}, .size = {}});
  Console& plain = *console;
  PciTransport transport(std::move(console), ram_.memory(), sink_);
  testing::FakeVirtioDriver driver(transport);
  FakeDriverRing& ring = rings_[kReceive0];
  ring.clear();
  driver.negotiate(kFeatureVersion1);
  driver.enable_queue(0, ring);
  driver.driver_ok();
  std::thread host([&] {
    while (producer.made < kTotal) {
      producer.made += 5;
      plain.wake(0);
    }
  });
  std::size_t got = 0;
  for (std::uint16_t in_hand = 0; got < kTotal;) {
    while (const auto used = ring.take_used()) {
      got += used->bytes;
      --in_hand;
    }
    for (; in_hand < 2; ++in_hand) {
      ring.chain().writable(3).publish();
      std::atomic_thread_fence(std::memory_order_seq_cst);
      if (ring.used_flags() == 0) {
        driver.notify(0);
      }
    }
  }
  host.join();
  EXPECT_EQ(got, kTotal);
}

}  // namespace
}  // namespace mayfly::virtio
