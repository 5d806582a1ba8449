// SPDX-License-Identifier: Apache-2.0
#include "virtio/net.hpp"

#include "testing/net_fixture.hpp"

namespace mayfly::virtio {
namespace {

class NetTest : public testing::NetFixture {};

TEST_F(NetTest, TellsItsAddressAndThatItsLinkIsUp) {
  const auto config = driver_->read<NetConfig>(testing::FakeVirtioDriver::kDeviceConfig);
  EXPECT_EQ(config.mac, kMac);
  EXPECT_EQ(config.status, kNetLinkUp);
  EXPECT_EQ(config.mtu, 1500);
}

TEST_F(NetTest, OffersWhatItsPortHas) {
  EXPECT_EQ(driver_->offered() & (kNetHostTcp4 | kNetGuestUdp4), kNetHostTcp4 | kNetGuestUdp4);
  EXPECT_EQ(features_of(io::kSegmentTcp4), 0U) << "without checksums";
  EXPECT_EQ(features_of(io::kChecksum), kNetChecksum | kNetGuestChecksum);
}

TEST_F(NetTest, LeavesToTheGuestWhatItsDriverTakes) {
  run(kPlain);
  EXPECT_EQ(port_.accepted(), io::Offloads{0});
  run(kSegments);
  EXPECT_EQ(port_.accepted(), io::kChecksum | io::kSegmentTcp4);
  run(kPlain | kNetGuestTcp4);
  EXPECT_EQ(port_.accepted(), io::Offloads{0}) << "segments are for who takes checksums";
}

TEST_F(NetTest, SendsPacketsAsTheyAre) {
  run(kPlain);
  const std::string first = packet("to everybody", {.flags = kNetNeedsChecksum, .checksum_start = 14});
  send_ring_.chain().readable(first).publish();
  send_ring_.chain().readable(packet("")).readable("in two").readable(" parts").publish();
  ring(Net::kSendQueue);
  EXPECT_EQ(port_.next(), first);
  EXPECT_EQ(port_.next(), packet("in two parts"));
  EXPECT_EQ(port_.next(), std::nullopt);
  EXPECT_EQ(send_ring_.used_index(), 2);
  EXPECT_EQ(net_->counts().sent_packets, 2U);
  EXPECT_EQ(net_->counts().sent_bytes, 24U);
}

TEST_F(NetTest, SendsMoreThanATurnHasAndInterruptsOnceATurn) {
  run(kPlain);
  for (int i = 0; i < 64; ++i) {
    send_ring_.chain().readable(packet("x")).publish();
  }
  (void)sink_.take();
  ring(Net::kSendQueue);
  EXPECT_EQ(send_ring_.used_index(), 64);
  EXPECT_EQ(sink_.take().size(), 1U);
}

TEST_F(NetTest, WhatAFullPortTakesNotWaitsUntilThereIsRoom) {
  run(kPlain);
  port_.full = true;
  port_.flush_is_in_vain = true;
  send_ring_.chain().readable(packet("x")).publish();
  driver_->notify(Net::kSendQueue);
  for (int turn = 0; turn < 5; ++turn) {
    EXPECT_GT(loop_.take_turn(), 0) << "it waits for room";
  }
  EXPECT_EQ(send_ring_.used_index(), 0);
  port_.flush_is_in_vain = false;
  EXPECT_TRUE(loop_.settle());
  EXPECT_EQ(port_.next(), packet("x"));
  EXPECT_EQ(send_ring_.used_index(), 1);
}

TEST_F(NetTest, WhatWaitsForAPortThatIsGoneIsGivenBack) {
  run(kPlain);
  port_.full = true;
  port_.flush_is_in_vain = true;
  send_ring_.chain().readable(packet("x")).publish();
  driver_->notify(Net::kSendQueue);
  (void)loop_.take_turn();
  port_.close_network();
  EXPECT_TRUE(loop_.settle());
  EXPECT_EQ(send_ring_.used_index(), 1);
  EXPECT_EQ(net_->counts().sent_dropped, 1U);
}

TEST_F(NetTest, AsksNotToBeRungForWhileItLooks) {
  run(kPlain);
  EXPECT_EQ(send_ring_.used_flags(), 0);
  send_ring_.chain().readable(packet("x")).publish();
  ring(Net::kSendQueue);
  EXPECT_EQ(send_ring_.used_flags(), 0) << "at the end it asks again";
  receive_ring_.chain().writable(2048).publish();
  ASSERT_TRUE(port_.put(packet("y")));
  ring(Net::kReceiveQueue);
  EXPECT_EQ(receive_ring_.used_flags(), 0) << "it has no buffer left";
  receive_ring_.chain().writable(2048).publish();
  receive_ring_.chain().writable(2048).publish();
  ASSERT_TRUE(port_.put(packet("y")));
  ring(Net::kReceiveQueue);
  EXPECT_EQ(receive_ring_.used_flags(), kUsedNoNotify) << "it has one";
}

TEST_F(NetTest, ReceivesIntoOneBuffer) {
  run(kPlain);
  receive_ring_.chain().writable(12).writable(1600).publish();
  receive_ring_.chain().writable(1600).publish();
  ASSERT_TRUE(port_.put(packet("hello", {.header_bytes = 7})));
  ASSERT_TRUE(port_.put(packet("world")));
  ring(Net::kReceiveQueue);
  EXPECT_EQ(receive_ring_.take_used()->bytes, 17U);
  EXPECT_EQ(receive_ring_.take_used()->text, packet("world", {.num_buffers = 1}));
  EXPECT_EQ(net_->counts().received_packets, 2U);
  EXPECT_EQ(net_->counts().received_bytes, 10U);
}

TEST_F(NetTest, SpreadsAPacketOverMergeableBuffers) {
  run(kSegments);
  for (int i = 0; i < 8; ++i) {
    receive_ring_.chain().writable(1000).publish();
  }
  const std::string bytes = std::string(988, 'a') + std::string(1000, 'b') + std::string(10, 'c');
  ASSERT_TRUE(port_.put(packet(bytes, {.flags = kNetNeedsChecksum, .gso_type = kNetGsoTcp4})));
  ASSERT_TRUE(port_.put(packet("next")));
  ring(Net::kReceiveQueue);
  EXPECT_EQ(
      receive_ring_.take_used()->text,
      packet(std::string(988, 'a'), {.flags = kNetNeedsChecksum, .gso_type = kNetGsoTcp4, .num_buffers = 3}));
  EXPECT_EQ(receive_ring_.take_used()->text, std::string(1000, 'b'));
  EXPECT_EQ(receive_ring_.take_used()->text, std::string(10, 'c'));
  EXPECT_EQ(receive_ring_.take_used()->text, packet("next", {.num_buffers = 1}));
  EXPECT_FALSE(receive_ring_.take_used());
}

TEST_F(NetTest, APacketThatExactlyFillsItsBuffersUsesNoMore) {
  run(kMergeable);
  for (int i = 0; i < 4; ++i) {
    receive_ring_.chain().writable(512).publish();
  }
  ASSERT_TRUE(port_.put(packet(std::string(500 + 512, 'x'))));
  ring(Net::kReceiveQueue);
  EXPECT_EQ(receive_ring_.used_index(), 2);
}

TEST_F(NetTest, ReadsIntoFewBuffersAfterManySmallPacketsAndALongOneIsWholeAllTheSame) {
  constexpr int kSmall = 8;
  run(kSegments);
  for (int i = 0; i < 30; ++i) {
    receive_ring_.chain().writable(1000).publish();
  }
  for (int i = 0; i < kSmall; ++i) {
    ASSERT_TRUE(port_.put(packet("small")));
  }
  ring(Net::kReceiveQueue);
  for (int i = 0; i < kSmall; ++i) {
    EXPECT_EQ(receive_ring_.take_used()->text, packet("small", {.num_buffers = 1}));
  }
  EXPECT_EQ(port_.received_into, 4U) << "a header, two buffers and the rest";
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(
        port_.put(packet(std::string(988, 'a') + std::string(1000, 'b') + std::string(1000, 'c') + "d")));
  }
  ring(Net::kReceiveQueue);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(receive_ring_.take_used()->text, packet(std::string(988, 'a'), {.num_buffers = 4})) << i;
    EXPECT_EQ(receive_ring_.take_used()->text, std::string(1000, 'b')) << i;
    EXPECT_EQ(receive_ring_.take_used()->text, std::string(1000, 'c')) << i;
    EXPECT_EQ(receive_ring_.take_used()->text, "d") << i;
  }
  EXPECT_EQ(port_.received_into, 30U - kSmall - 2 * 4 + 2)
      << "a header, all buffers that are left and the rest";
}

TEST_F(NetTest, ALongPacketAfterSmallOnesThatHasNoRoomIsDropped) {
  run(kMergeable);
  for (int i = 0; i < 12; ++i) {
    receive_ring_.chain().writable(1000).publish();
  }
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(port_.put(packet("small")));
  }
  ASSERT_TRUE(port_.put(packet(std::string(4000, 'x'))));
  ASSERT_TRUE(port_.put(packet("last")));
  ring(Net::kReceiveQueue);
  EXPECT_EQ(net_->counts().received_packets, 9U);
  EXPECT_EQ(net_->counts().received_dropped, 1U);
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(receive_ring_.take_used()->text, packet("small", {.num_buffers = 1}));
  }
  EXPECT_EQ(receive_ring_.take_used()->text, packet("last", {.num_buffers = 1}));
}

TEST_F(NetTest, WaitsForBuffersAndForgetsNoPacket) {
  run(kMergeable);
  ASSERT_TRUE(port_.put(packet("early")));
  EXPECT_TRUE(loop_.settle()) << "without a buffer it does not spin";
  receive_ring_.chain().writable(2048).publish();
  ring(Net::kReceiveQueue);
  EXPECT_EQ(receive_ring_.take_used()->text, packet("early", {.num_buffers = 1}));
}

TEST_F(NetTest, WhatTheDriverHasNoRoomForIsDropped) {
  run(kPlain);
  receive_ring_.chain().writable(100).publish();
  ASSERT_TRUE(port_.put(packet(std::string(200, 'x'))));
  ASSERT_TRUE(port_.put(packet("short")));
  ring(Net::kReceiveQueue);
  EXPECT_EQ(receive_ring_.take_used()->text, packet("short", {.num_buffers = 1}));
  EXPECT_EQ(net_->counts().received_dropped, 1U);
}

TEST_F(NetTest, WhatTheDriverHasNotTakenIsDropped) {
  run(kMergeable);
  for (int i = 0; i < 4; ++i) {
    receive_ring_.chain().writable(2048).publish();
  }
  ASSERT_TRUE(port_.put(packet("checksum", {.flags = kNetNeedsChecksum})));
  ASSERT_TRUE(port_.put(packet("segments", {.gso_type = kNetGsoTcp4})));
  ASSERT_TRUE(port_.put(packet("unknown", {.gso_type = 99})));
  ASSERT_TRUE(port_.put("no header"));
  ASSERT_TRUE(port_.put(packet("plain")));
  ring(Net::kReceiveQueue);
  EXPECT_EQ(receive_ring_.take_used()->text, packet("plain", {.num_buffers = 1}));
  EXPECT_EQ(net_->counts().received_dropped, 4U);
}

TEST_F(NetTest, NothingIsReceivedWithoutADriver) {
  ASSERT_TRUE(port_.put(packet("early")));
  EXPECT_TRUE(loop_.settle());
  run(kMergeable);
  receive_ring_.chain().writable(2048).publish();
  driver_->reset();
  EXPECT_TRUE(loop_.settle());
  EXPECT_EQ(net_->counts().received_packets, 0U);
  run(kMergeable);
  receive_ring_.chain().writable(2048).publish();
  ring(Net::kReceiveQueue);
  EXPECT_EQ(net_->counts().received_packets, 1U);
}

TEST_F(NetTest, BuffersOfADriverThatIsGoneAreNotUsed) {
  run(kMergeable);
  receive_ring_.chain().writable(2048).publish();
  receive_ring_.chain().writable(2048).publish();
  ASSERT_TRUE(port_.put(packet("first")));
  ring(Net::kReceiveQueue);
  run(kMergeable);
  ASSERT_TRUE(port_.put(packet("second")));
  EXPECT_TRUE(loop_.settle());
  EXPECT_EQ(receive_ring_.used_index(), 0);
}

TEST_F(NetTest, APortThatIsGoneIsALinkThatIsDown) {
  run(kMergeable | kNetStatus);
  ::testing::internal::CaptureStderr();
  (void)sink_.take();
  port_.close_network();
  EXPECT_TRUE(loop_.settle());
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("fake of --net is gone"), std::string::npos);
  EXPECT_EQ(driver_->read<NetConfig>(testing::FakeVirtioDriver::kDeviceConfig).status, 0);
  EXPECT_EQ(sink_.take().size(), 1U);
  EXPECT_FALSE(loop_.is_watched(port_.fd()));
  send_ring_.chain().readable(packet("into the void")).publish();
  ring(Net::kSendQueue);
  EXPECT_EQ(send_ring_.used_index(), 1) << "the driver gets its buffers back";
  EXPECT_EQ(net_->counts().sent_dropped, 1U);
}

TEST_F(NetTest, WhatThePortRefusesIsDropped) {
  run(kPlain);
  port_.send_error = EINVAL;
  send_ring_.chain().readable(packet("odd")).publish();
  ring(Net::kSendQueue);
  EXPECT_EQ(send_ring_.used_index(), 1);
  EXPECT_EQ(net_->counts().sent_dropped, 1U);
  EXPECT_FALSE(needs_reset());
}

}  // namespace
}  // namespace mayfly::virtio
