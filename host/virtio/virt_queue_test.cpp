// SPDX-License-Identifier: Apache-2.0
#include "virtio/virt_queue.hpp"

#include <array>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "testing/queue_fixture.hpp"

namespace mayfly::virtio {
namespace {

using testing::kEvents;
using testing::kIndirect;
using testing::kPlain;
using testing::kQueueSize;

using VirtQueueTest = testing::QueueFixture;

TEST_F(VirtQueueTest, GivesChainsInOrder) {
  VirtQueue queue = make(kPlain);
  ring_.chain().readable("one").publish();
  ring_.chain().readable("t").readable("wo").publish();
  queue.arm();
  EXPECT_EQ(take(queue), "one");
  EXPECT_EQ(take(queue), "two");
  EXPECT_EQ(take(queue), std::nullopt);
  EXPECT_EQ(ring_.take_used()->head, 0U);
  EXPECT_EQ(ring_.take_used()->head, 1U);
  EXPECT_TRUE(link_.faults.empty());
}

TEST_F(VirtQueueTest, WritesAcrossBuffersAndTellsTheLength) {
  VirtQueue queue = make(kPlain);
  ring_.chain().readable("?").writable(16).writable(16).publish();
  queue.arm();
  auto chain = queue.pop();
  ASSERT_TRUE(chain);
  EXPECT_EQ(chain->writable(), 32U);
  EXPECT_EQ(chain->write(std::as_bytes(std::span("0123456789abcdefghij", 20))), 20U);
  EXPECT_EQ(chain->writable(), 12U);
  queue.push_used(std::move(*chain));
  const auto used = ring_.take_used();
  EXPECT_EQ(used->bytes, 20U);
  EXPECT_EQ(used->text, "0123456789abcdefghij");
}

TEST_F(VirtQueueTest, WritesNoMoreThanTheBuffersHold) {
  VirtQueue queue = make(kPlain);
  ring_.chain().writable(4).publish();
  queue.arm();
  auto chain = queue.pop();
  ASSERT_TRUE(chain);
  EXPECT_EQ(chain->write(std::as_bytes(std::span("0123456789", 10))), 4U);
  EXPECT_FALSE(chain->writable_piece(100));
  queue.push_used(std::move(*chain));
  EXPECT_EQ(ring_.take_used()->text, "0123");
}

TEST_F(VirtQueueTest, ReadsACopyThatLaterDescriptorsDoNotChange) {
  VirtQueue queue = make(kPlain);
  ring_.chain().readable("abc").publish();
  queue.arm();
  auto chain = queue.pop();
  ASSERT_TRUE(chain);
  ring_.write_descriptor(0, {0xffff'ffff'0000, 0xffffffff, kDescriptorNext, 0});
  EXPECT_EQ(chain->readable(), 3U);
  std::array<std::byte, 8> out{};
  EXPECT_EQ(chain->read(out), 3U);
  queue.push_used(std::move(*chain));
}

TEST_F(VirtQueueTest, AChainPutBackComesAgain) {
  VirtQueue queue = make(kPlain);
  ring_.chain().readable("again").publish();
  queue.arm();
  auto chain = queue.pop();
  queue.put_back(std::move(*chain));
  EXPECT_EQ(take(queue), "again");
  EXPECT_EQ(take(queue), std::nullopt);
}

TEST_F(VirtQueueTest, GoesOnAcrossTheEndOfTheRingAndOfTheIndex) {
  VirtQueue queue = make(kPlain);
  for (int i = 0; i < 70'000; ++i) {
    ring_.chain().readable("x").publish();
    ASSERT_EQ(drain(queue), 1) << i;
    ASSERT_TRUE(ring_.take_used());
  }
  EXPECT_TRUE(link_.faults.empty());
}

TEST_F(VirtQueueTest, TakesEmptyBuffers) {
  VirtQueue queue = make(kPlain);
  ring_.chain().add({~0ULL, 0, 0, 0}).readable("a").add({~0ULL, 0, kDescriptorWrite, 0}).publish();
  queue.arm();
  EXPECT_EQ(take(queue), "a");
}

TEST_F(VirtQueueTest, AQueueThatIsNotEnabledNeverHasAnything) {
  VirtQueue queue;
  queue.arm();
  EXPECT_FALSE(queue.pop());
  queue.disarm();
  queue.signal();
  queue.fail(QueueFault::kBadRequest);
}

// Indirect descriptors.

TEST_F(VirtQueueTest, FollowsAnIndirectTable) {
  VirtQueue queue = make(kIndirect);
  ring_.chain().indirect().readable("in").readable("direct").publish();
  queue.arm();
  EXPECT_EQ(take(queue), "indirect");
}

TEST_F(VirtQueueTest, FollowsDirectDescriptorsBeforeAnIndirectTable) {
  VirtQueue queue = make(kIndirect);
  ring_.chain().readable("first ").indirect().readable("then").writable(4).publish();
  queue.arm();
  EXPECT_EQ(take(queue), "first then");
}

TEST_F(VirtQueueTest, IgnoresTheWriteFlagOfAnIndirectDescriptor) {
  VirtQueue queue = make(kIndirect);
  ASSERT_TRUE(ram_.memory().write(GuestAddress(0x80000), (Descriptor{0x90000, 4, 0, 0})));
  ring_.chain().add({0x80000, 16, kDescriptorIndirect | kDescriptorWrite, 0}).publish();
  queue.arm();
  EXPECT_EQ(take(queue), std::string(4, '\0'));
}

TEST_F(VirtQueueTest, TakesAnIndirectChainAsLongAsTheQueueButNoLonger) {
  VirtQueue queue = make(kIndirect);
  auto longest = ring_.chain();
  longest.indirect();
  for (int i = 0; i < kQueueSize; ++i) {
    longest.readable("12");
  }
  longest.publish();
  queue.arm();
  EXPECT_EQ(take(queue)->size(), 16U);
  longest.readable("12").publish();
  drain(queue);
  EXPECT_EQ(link_.faults, std::vector{QueueFault::kChainTooLong});
}

// Notifications both ways.

TEST_F(VirtQueueTest, InterruptsOncePerRound) {
  VirtQueue queue = make(kPlain);
  ring_.chain().readable("a").publish();
  ring_.chain().readable("b").publish();
  EXPECT_EQ(drain(queue), 2);
  EXPECT_EQ(link_.interrupts, 1);
  EXPECT_EQ(drain(queue), 0);
  EXPECT_EQ(link_.interrupts, 1);
}

TEST_F(VirtQueueTest, DoesNotInterruptADriverThatWantsNone) {
  VirtQueue queue = make(kPlain);
  ring_.set_no_interrupt(1);
  ring_.chain().readable("a").publish();
  drain(queue);
  EXPECT_EQ(link_.interrupts, 0);
}

TEST_F(VirtQueueTest, InterruptsWhenTheUsedEventIsPassedAndNotBefore) {
  VirtQueue queue = make(kEvents);
  ring_.set_used_event(1);
  ring_.set_no_interrupt(1);
  const auto round = [&] {
    ring_.chain().readable("a").publish();
    drain(queue);
    return link_.interrupts;
  };
  EXPECT_EQ(round(), 0);
  EXPECT_EQ(round(), 1) << "and the flag does not count";
  EXPECT_EQ(round(), 1);
}

TEST_F(VirtQueueTest, TellsTheDriverWhetherToNotifyByFlag) {
  VirtQueue queue = make(kPlain);
  queue.disarm();
  EXPECT_EQ(ring_.used_flags(), kUsedNoNotify);
  queue.arm();
  EXPECT_EQ(ring_.used_flags(), 0U);
}

TEST_F(VirtQueueTest, TellsTheDriverWhenToNotifyByEvent) {
  VirtQueue queue = make(kEvents);
  queue.disarm();
  EXPECT_FALSE(passes_event(ring_.avail_event(), 1, 0)) << "the driver's first entry";
  EXPECT_FALSE(passes_event(ring_.avail_event(), kQueueSize, 0)) << "or a full ring at once";
  ring_.chain().readable("a").publish();
  queue.arm();
  EXPECT_EQ(ring_.avail_event(), 1U);
  EXPECT_TRUE(passes_event(ring_.avail_event(), 2, 1));
  EXPECT_EQ(take(queue), "a");
}

TEST_F(VirtQueueTest, ARoundEndsAtWhatArmCounted) {
  for (const std::uint64_t features : {kPlain, kEvents}) {
    ring_.clear();
    VirtQueue queue = make(features);
    ring_.chain().readable("a").publish();
    queue.arm();
    EXPECT_EQ(take(queue), "a");
    ring_.chain().readable("b").publish();
    EXPECT_EQ(take(queue), std::nullopt) << "the driver was asked to notify of it";
    EXPECT_TRUE((features & kFeatureEventIndex) == 0 ? ring_.used_flags() == 0
                                                     : passes_event(ring_.avail_event(), 2, 1));
    EXPECT_EQ(drain(queue), 1);
  }
}

TEST(PassesEvent, IsRightAcrossTheEndOf16Bits) {
  EXPECT_TRUE(passes_event(0, 1, 0));
  EXPECT_FALSE(passes_event(1, 1, 0));
  EXPECT_TRUE(passes_event(0xffff, 0, 0xffff));
  EXPECT_TRUE(passes_event(0xffff, 5, 0xfff0));
  EXPECT_TRUE(passes_event(2, 5, 0xfff0));
  EXPECT_FALSE(passes_event(5, 5, 0xfff0));
  EXPECT_FALSE(passes_event(0xffef, 5, 0xfff0));
  EXPECT_FALSE(passes_event(7, 7, 7)) << "nothing new";
}

TEST(DescriptorChainDeathTest, MustBeGivenBack) {
  testing::GuestRam ram;
  EXPECT_DEATH({ const DescriptorChain lost(ram.memory(), 0); }, "memory_ == nullptr");
}

}  // namespace
}  // namespace mayfly::virtio
