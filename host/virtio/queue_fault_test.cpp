// SPDX-License-Identifier: Apache-2.0
// Every way in which a driver can break a queue's rules.
#include "virtio/queue_fault.hpp"

#include <array>
#include <optional>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mman.h>

#include "base/checked.hpp"
#include "base/mapping.hpp"
#include "testing/queue_fixture.hpp"

namespace mayfly::virtio {
namespace {

using testing::kIndirect;
using testing::kPlain;
using testing::kQueueSize;

using QueueFaultTest = testing::QueueFixture;

TEST_F(QueueFaultTest, FaultsOnAnIndirectTableThatWasNotNegotiated) {
  ring_.chain().indirect().readable("x").publish();
  expect_fault(QueueFault::kIndirectNotNegotiated);
}

TEST_F(QueueFaultTest, FaultsOnAnIndirectTableInsideAnother) {
  ring_.chain().indirect().add({0x80000, 16, kDescriptorIndirect, 0}).publish();
  expect_fault(QueueFault::kIndirectNested, kIndirect);
}

TEST_F(QueueFaultTest, FaultsOnAnIndirectDescriptorWithANextOne) {
  ring_.chain().add({0x80000, 16, kDescriptorIndirect, 0}).readable("x").publish();
  expect_fault(QueueFault::kIndirectNested, kIndirect);
}

TEST_F(QueueFaultTest, FaultsOnAnEmptyIndirectTable) {
  ring_.chain().add({0x80000, 0, kDescriptorIndirect, 0}).publish();
  expect_fault(QueueFault::kIndirectLength, kIndirect);
}

TEST_F(QueueFaultTest, FaultsOnAnIndirectTableOfAnOddLength) {
  ring_.chain().add({0x80000, 24, kDescriptorIndirect, 0}).publish();
  expect_fault(QueueFault::kIndirectLength, kIndirect);
}

TEST_F(QueueFaultTest, FaultsOnAnIndirectTableOutsideMemory) {
  ring_.chain().add({~0ULL - 15, 0x1000, kDescriptorIndirect, 0}).publish();
  expect_fault(QueueFault::kBufferOutsideMemory, kIndirect);
}

TEST_F(QueueFaultTest, FaultsOnANextOutsideTheIndirectTable) {
  ASSERT_TRUE(ram_.memory().write(GuestAddress(0x80000), (Descriptor{0x90000, 4, kDescriptorNext, 1})));
  ring_.chain().add({0x80000, 16, kDescriptorIndirect, 0}).publish();
  expect_fault(QueueFault::kNextOutOfRange, kIndirect);
}

TEST_F(QueueFaultTest, FaultsOnAnIndexAheadByMoreThanTheSize) {
  ring_.set_avail_index(kQueueSize + 1);
  expect_fault(QueueFault::kAvailIndexWrong);
}

TEST_F(QueueFaultTest, FaultsOnAnIndexThatRunsBackwards) {
  ring_.set_avail_index(0xffff);
  expect_fault(QueueFault::kAvailIndexWrong);
}

TEST_F(QueueFaultTest, FaultsOnAHeadBeyondTheTable) {
  ring_.publish_head(kQueueSize);
  expect_fault(QueueFault::kHeadOutOfRange);
}

TEST_F(QueueFaultTest, FaultsOnANextBeyondTheTable) {
  ring_.write_descriptor(0, {0x80000, 1, kDescriptorNext, kQueueSize});
  ring_.publish_head(0);
  expect_fault(QueueFault::kNextOutOfRange);
}

TEST_F(QueueFaultTest, FaultsOnALoop) {
  ring_.write_descriptor(0, {0x80000, 1, kDescriptorNext, 1});
  ring_.write_descriptor(1, {0x80000, 1, kDescriptorNext, 0});
  ring_.publish_head(0);
  expect_fault(QueueFault::kChainTooLong);
}

TEST_F(QueueFaultTest, FaultsOnALoopOfEmptyBuffers) {
  ring_.write_descriptor(0, {0x80000, 0, kDescriptorNext, 0});
  ring_.publish_head(0);
  expect_fault(QueueFault::kChainTooLong);
}

TEST_F(QueueFaultTest, FaultsOnABufferOutsideMemory) {
  ring_.chain().add({testing::GuestRam::kDefaultBytes - 1, 2, 0, 0}).publish();
  expect_fault(QueueFault::kBufferOutsideMemory);
}

TEST_F(QueueFaultTest, FaultsOnABufferThatWrapsAround) {
  ring_.chain().add({~0ULL, 2, kDescriptorWrite, 0}).publish();
  expect_fault(QueueFault::kBufferOutsideMemory);
}

TEST_F(QueueFaultTest, FaultsOnAReadableBufferAfterAWritableOne) {
  ring_.chain().writable(4).readable("x").publish();
  expect_fault(QueueFault::kReadableAfterWritable);
}

TEST(QueueFaultOfAHugeChain, FaultsOnAChainOfMoreThan4GiB) {
  // Address space only: nothing touches it.
  const Mapping huge(
      ::mmap(nullptr, 4 * kGiB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
      4 * kGiB);
  GuestMemory memory(
      std::array{GuestMemory::Region{.guest = {GuestAddress(0), huge.size()}, .host = huge.data()}});
  testing::FakeDriverRing ring(memory, GuestAddress(0x1000), kQueueSize);
  testing::RecordingLink link;
  auto queue = VirtQueue::create(ring.setup(), kPlain, memory, link);
  ASSERT_TRUE(queue);
  ring.chain().add({0, 0xffffffff, 0, 0}).add({0, 1, 0, 0}).publish();
  queue->arm();
  auto chain = queue->pop();
  ASSERT_TRUE(chain) << "just 2^32 bytes";
  EXPECT_EQ(chain->readable(), 4 * kGiB);
  queue->push_used(std::move(*chain));
  ring.chain().add({0, 0xffffffff, 0, 0}).add({0, 2, kDescriptorWrite, 0}).publish();
  queue->arm();
  EXPECT_FALSE(queue->pop());
  EXPECT_EQ(link.faults, std::vector{QueueFault::kBytesTooMany});
}

TEST_F(QueueFaultTest, RefusesRingsThatAreNotAlignedOrNotInMemory) {
  const auto refusal = [&](auto change) {
    QueueSetup setup = ring_.setup();
    change(setup);
    const auto queue = VirtQueue::create(setup, kPlain, ram_.memory(), link_);
    return queue ? std::nullopt : std::optional(queue.error());
  };
  EXPECT_EQ(refusal([](QueueSetup&) {}), std::nullopt);
  EXPECT_EQ(refusal([](QueueSetup& s) { s.size = 0; }), QueueFault::kBadSize);
  EXPECT_EQ(refusal([](QueueSetup& s) { s.size = 12; }), QueueFault::kBadSize);
  EXPECT_EQ(refusal([](QueueSetup& s) { s.size = 2 * VirtQueue::kSizeMax; }), QueueFault::kBadSize);
  EXPECT_EQ(refusal([](QueueSetup& s) { s.descriptors = GuestAddress(0x1008); }), QueueFault::kMisaligned);
  EXPECT_EQ(refusal([](QueueSetup& s) { s.driver_area = GuestAddress(0x1001); }), QueueFault::kMisaligned);
  EXPECT_EQ(refusal([](QueueSetup& s) { s.device_area = GuestAddress(0x1002); }), QueueFault::kMisaligned);
  constexpr std::uint64_t kEnd = testing::GuestRam::kDefaultBytes;
  EXPECT_EQ(refusal([](QueueSetup& s) { s.descriptors = GuestAddress(kEnd - 16ULL * kQueueSize + 16); }),
            QueueFault::kRingOutsideMemory);
  EXPECT_EQ(refusal([](QueueSetup& s) { s.driver_area = GuestAddress(kEnd - 4 - 2ULL * kQueueSize); }),
            QueueFault::kRingOutsideMemory);
  EXPECT_EQ(refusal([](QueueSetup& s) { s.device_area = GuestAddress(kEnd - 4 - 8ULL * kQueueSize); }),
            QueueFault::kRingOutsideMemory);
  EXPECT_EQ(refusal([](QueueSetup& s) { s.device_area = GuestAddress(~0ULL - 3); }),
            QueueFault::kRingOutsideMemory);
}

}  // namespace
}  // namespace mayfly::virtio
