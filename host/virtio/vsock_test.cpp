// SPDX-License-Identifier: Apache-2.0
#include "virtio/vsock.hpp"

#include <string>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "testing/vsock_device_fixture.hpp"

namespace mayfly::virtio {
namespace {

using vsock::Operation;

class VsockTest : public testing::VsockDeviceFixture {};

/// For tests in which the driver breaks the rules: what the device says of it stays out of the log.
class HostileVsockTest : public testing::VsockDeviceFixture {
 protected:
  HostileVsockTest() { ::testing::internal::CaptureStderr(); }
  ~HostileVsockTest() override { (void)::testing::internal::GetCapturedStderr(); }
};

TEST_F(VsockTest, TellsTheGuestItsCid) {
  EXPECT_EQ(driver_->read<std::uint64_t>(testing::FakeVirtioDriver::kDeviceConfig), testing::kGuestCid);
}

TEST_F(VsockTest, HasNoCidThatIsReserved) {
  for (const std::uint64_t cid : {0ULL, 1ULL, 2ULL, 0xffff'ffffULL, 0x1'0000'0003ULL}) {
    EXPECT_THROW(Vsock(streams_, worker_, cid), Error) << cid;
  }
}

TEST_F(VsockTest, DoesNothingOnTheThreadsOfVcpus) {
  offer();
  const int before = worker_.wakes;
  transmit_.chain().readable(bytes_of(testing::from_guest(kPorts, Operation::kRequest))).publish();
  driver_->notify(Vsock::kTransmitQueue);
  EXPECT_EQ(worker_.wakes, before + 1);
  EXPECT_EQ(streams_.count(), 0U);
  device_->service();
  EXPECT_EQ(streams_.count(), 1U);
}

TEST_F(VsockTest, BytesGoBothWays) {
  offer();
  const Opened opened = open_by_client();
  EXPECT_EQ(streams_.client(opened.slot).granted, opened.ports.host);
  send(opened.ports, Operation::kReadWrite, "from the guest");
  EXPECT_EQ(streams_.client(opened.slot).from_guest, "from the guest");
  streams_.client(opened.slot).to_guest = "from the client";
  device_->ready(opened.slot, vsock::Endpoint::kReadable);
  const auto seen = receive();
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->payload, "from the client");
}

TEST_F(VsockTest, TheGuestReachesTheHost) {
  offer();
  send(kPorts, Operation::kRequest);
  ASSERT_EQ(receive()->operation(), Operation::kResponse);
  EXPECT_EQ(streams_.client(0).port, kPorts.host);
}

TEST_F(VsockTest, AnswersWhenTheHostDoes) {
  offer();
  streams_.answer = vsock::Streams::Connect::kLater;
  send(kPorts, Operation::kRequest);
  send({701, 5001}, Operation::kRequest);
  EXPECT_FALSE(receive());
  device_->connected(0);
  EXPECT_EQ(receive()->operation(), Operation::kResponse);
  device_->refused(1);
  EXPECT_EQ(receive()->operation(), Operation::kReset);
}

TEST_F(VsockTest, ReadsAPacketThatLiesInManyBuffers) {
  offer();
  send(kPorts, Operation::kRequest);
  const std::string packet = bytes_of(testing::from_guest(kPorts, Operation::kReadWrite, 10)) + "0123456789";
  transmit_.chain()
      .readable(packet.substr(0, 7))
      .readable(packet.substr(7, 40))
      .readable(packet.substr(47))
      .publish();
  ring();
  EXPECT_EQ(streams_.client(0).from_guest, "0123456789");
}

TEST_F(VsockTest, FillsTheGuestsBuffersAndWaitsForMore) {
  offer(3);
  const Opened opened = open_by_client();
  streams_.client(opened.slot).to_guest = std::string(3 * testing::VsockDeviceFixture::kBufferBytes, 'x');
  device_->ready(opened.slot, vsock::Endpoint::kReadable);
  std::size_t bytes = 0;
  while (const auto seen = receive()) {
    bytes += seen->payload.size();
  }
  EXPECT_EQ(bytes, 2 * (testing::VsockDeviceFixture::kBufferBytes - sizeof(vsock::Header)));
  offer(4);
  while (const auto seen = receive()) {
    bytes += seen->payload.size();
  }
  EXPECT_EQ(bytes, 3 * testing::VsockDeviceFixture::kBufferBytes);
}

TEST_F(VsockTest, InterruptsOnceForAllThatItSends) {
  offer();
  const Opened opened = open_by_client();
  (void)sink_.take();
  streams_.client(opened.slot).to_guest = std::string(20000, 'x');
  device_->ready(opened.slot, vsock::Endpoint::kReadable);
  EXPECT_EQ(sink_.take().size(), 1U);
}

TEST_F(VsockTest, AsksForNoNotificationsOfBuffersThatItDoesNotNeed) {
  offer();
  EXPECT_EQ(receive_.used_flags(), kUsedNoNotify);
  EXPECT_EQ(events_.used_flags(), kUsedNoNotify);
  EXPECT_EQ(transmit_.used_flags(), 0);
}

TEST_F(VsockTest, StopsTakingFromAGuestThatTakesNothing) {
  for (std::uint32_t i = 0; i < vsock::ResetList::kMax; ++i) {
    send({1, i}, Operation::kReadWrite);
  }
  const std::uint16_t taken = transmit_.used_index();
  send({1, 99}, Operation::kReadWrite);
  EXPECT_EQ(transmit_.used_index(), taken);
  EXPECT_FALSE(failed());
  // With room for one answer it goes on by one.
  offer(1);
  EXPECT_EQ(transmit_.used_index(), taken + 1);
  EXPECT_EQ(receive()->operation(), Operation::kReset);
}

TEST_F(VsockTest, AClientOfAGuestWithoutADriverIsRefused) {
  driver_->reset();
  EXPECT_FALSE(device_->ask(5000));
  start();
  EXPECT_TRUE(device_->ask(5000));
}

TEST_F(VsockTest, AResetEndsAllConnectionsOnTheWorkersThread) {
  offer();
  const Opened opened = open_by_client();
  driver_->reset();
  EXPECT_TRUE(streams_.is_there(opened.slot));
  device_->service();
  EXPECT_EQ(streams_.count(), 0U);
  start();
  offer();
  (void)open_by_client();
}

TEST_F(VsockTest, ADriverThatStartsAnewFindsNothingOfTheOldOne) {
  offer(2);
  const Opened opened = open_by_client();
  streams_.client(opened.slot).to_guest = std::string(20000, 'x');
  device_->ready(opened.slot, vsock::Endpoint::kReadable);
  driver_->reset();
  start();
  offer();
  EXPECT_EQ(streams_.count(), 0U);
  EXPECT_FALSE(receive());
}

TEST_F(VsockTest, SaysWhenItWantsToWorkAgain) {
  offer();
  EXPECT_EQ(device_->deadline_ns(), vsock::Endpoint::kNever);
  (void)device_->ask(5000);
  (void)streams_.client(0);
  EXPECT_LT(device_->deadline_ns(), vsock::Endpoint::kNever);
}

TEST_F(HostileVsockTest, APacketWithoutAWholeHeaderIsAFault) {
  transmit_.chain().readable(std::string(43, '\0')).publish();
  ring();
  EXPECT_TRUE(failed());
}

TEST_F(HostileVsockTest, APacketWithLessPayloadThanItSaysIsAFault) {
  transmit_.chain()
      .readable(bytes_of(testing::from_guest(kPorts, Operation::kReadWrite, 10)) + "012345678")
      .publish();
  ring();
  EXPECT_TRUE(failed());
}

TEST_F(HostileVsockTest, APacketThatNoCreditAllowsIsAFault) {
  constexpr std::uint32_t kBytes = vsock::ReceiveCredit::kBufferBytes + 1;
  transmit_.chain()
      .readable(bytes_of(testing::from_guest(kPorts, Operation::kReadWrite, kBytes)))
      .add({0x40000, kBytes, 0, 0})
      .publish();
  ring();
  EXPECT_TRUE(failed());
}

TEST_F(HostileVsockTest, APacketToBeWrittenIsAFault) {
  transmit_.chain()
      .readable(bytes_of(testing::from_guest(kPorts, Operation::kRequest)))
      .writable(8)
      .publish();
  ring();
  EXPECT_TRUE(failed());
}

TEST_F(HostileVsockTest, ABufferWithoutRoomForPayloadIsAFault) {
  (void)device_->ask(5000);
  (void)streams_.client(0);
  offer(1, sizeof(vsock::Header));
  EXPECT_TRUE(failed());
}

TEST_F(HostileVsockTest, ABufferToBeReadIsAFault) {
  (void)device_->ask(5000);
  (void)streams_.client(0);
  receive_.chain().readable("x").writable(4096).publish();
  driver_->notify(Vsock::kReceiveQueue);
  device_->service();
  EXPECT_TRUE(failed());
}

}  // namespace
}  // namespace mayfly::virtio
