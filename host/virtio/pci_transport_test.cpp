// SPDX-License-Identifier: Apache-2.0
#include "virtio/pci_transport.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "testing/counting_viewer.hpp"
#include "testing/transport_fixture.hpp"

namespace mayfly::virtio {
namespace {

using testing::FakeVirtioDriver;
using testing::kRunning;

using PciTransportTest = testing::TransportFixture;

TEST_F(PciTransportTest, IsAModernVirtioDevice) {
  EXPECT_EQ(driver_->config_read<std::uint32_t>(0), 0x10441af4U);
  EXPECT_GE(driver_->config_read<std::uint8_t>(8), 1U);
  EXPECT_EQ(driver_->config_read<std::uint8_t>(0x3d), 0U) << "no INTx";
}

TEST_F(PciTransportTest, HasEveryCapabilityInsideItsBar) {
  const std::uint64_t bar_bytes = transport_->bars()[0].bytes;
  for (const unsigned kind : {1U, 2U, 3U, 4U}) {
    const std::uint16_t at = driver_->capability(9, static_cast<std::uint8_t>(kind));
    ASSERT_NE(at, 0) << kind;
    EXPECT_EQ(driver_->config_read<std::uint8_t>(at + 4U), 0U);
    const auto offset = driver_->config_read<std::uint32_t>(at + 8U);
    const auto bytes = driver_->config_read<std::uint32_t>(at + 12U);
    EXPECT_GT(bytes, 0U);
    EXPECT_LE(std::uint64_t{offset} + bytes, bar_bytes);
  }
  const std::uint16_t notify = driver_->capability(9, 2);
  EXPECT_EQ(driver_->config_read<std::uint32_t>(notify + 16U), 4U) << "notify_off_multiplier";
  EXPECT_EQ(driver_->config_read<std::uint16_t>(driver_->capability(0x11) + 2U), 1U);
}

TEST_F(PciTransportTest, TheConfigurationCapabilityReachesTheBar) {
  const std::uint16_t at = driver_->capability(9, 5);
  ASSERT_NE(at, 0);
  const auto point_at = [&](std::uint32_t offset, std::uint32_t bytes) {
    driver_->config_write<std::uint8_t>(at + 4U, 0);
    driver_->config_write<std::uint32_t>(at + 8U, offset);
    driver_->config_write<std::uint32_t>(at + 12U, bytes);
  };
  point_at(FakeVirtioDriver::kStatus, 1);
  driver_->config_write<std::uint32_t>(at + 16U, kStatusAcknowledge);
  EXPECT_EQ(driver_->status(), kStatusAcknowledge);
  EXPECT_EQ(driver_->config_read<std::uint8_t>(at + 16U), kStatusAcknowledge);
  point_at(FakeVirtioDriver::kDeviceConfig, 4);
  EXPECT_EQ(driver_->config_read<std::uint32_t>(at + 16U), 0x04030201U);
  point_at(FakeVirtioDriver::kDeviceConfig + 1, 3);
  EXPECT_EQ(driver_->config_read<std::uint32_t>(at + 16U), 0U)
      << "a length that makes no sense reaches nothing";
  point_at(0xfffffffc, 4);
  driver_->config_write<std::uint32_t>(at + 16U, 0);
  EXPECT_EQ(driver_->config_read<std::uint32_t>(at + 16U), 0U);
}

TEST_F(PciTransportTest, ReadsAreLiveOnceTheConfigurationCapabilityIsTouched) {
  const std::uint16_t at = driver_->capability(9, 5);
  driver_->config_write<std::uint32_t>(0x10, 0xffffffff);
  run();
  EXPECT_EQ(transport_->config_reads(), pci::ConfigReads::kPlain);
  driver_->config_write<std::uint32_t>(at + 12U, 1);
  EXPECT_EQ(transport_->config_reads(), pci::ConfigReads::kLive);
}

/// A transport whose registers are shown at kPlace.
class ShownRegistersTest : public PciTransportTest {
 protected:
  static constexpr std::uint64_t kPlace = 0xc0004000;
  ShownRegistersTest() {
    transport_->place_bar(0, kPlace);
    pages_ = transport_->show_registers(viewer_).bytes();
    decode(2);
  }
  void decode(std::uint16_t command) { driver_->config_write<std::uint16_t>(4, command); }
  /// The first offset at which the guest would see something else than a read that reaches the device.
  [[nodiscard]] std::uint64_t first_difference() {
    for (std::uint64_t at = 0; at < pages_.size(); ++at) {
      std::byte now{0xff};
      transport_->bar_read(0, at, std::span(&now, 1));
      if (pages_[at] != now) {
        return at;
      }
    }
    return pages_.size();
  }
  [[nodiscard]] bool is_blank() const {
    return std::ranges::all_of(pages_, [](std::byte byte) { return byte == std::byte{0xff}; });
  }

  testing::CountingViewer viewer_;
  std::span<std::byte> pages_;
};

TEST_F(ShownRegistersTest, AreThoseOfTheDeviceAfterEveryStepOfItsDriver) {
  EXPECT_EQ(first_difference(), pages_.size()) << "at first";
  EXPECT_EQ(driver_->offered(), kFeatureVersion1 | testing::kOwnFeature);
  EXPECT_EQ(first_difference(), pages_.size()) << "a feature word is selected";
  run();
  EXPECT_EQ(first_difference(), pages_.size()) << "it runs";
  driver_->write<std::uint16_t>(22, 1);
  EXPECT_EQ(first_difference(), pages_.size()) << "another queue is selected";
  driver_->write<std::uint32_t>(FakeVirtioDriver::kDeviceConfig, 0x77);
  EXPECT_EQ(first_difference(), pages_.size()) << "the device's configuration is written";
  driver_->reset();
  EXPECT_EQ(first_difference(), pages_.size()) << "after a reset";
}

TEST_F(ShownRegistersTest, TellWhichVectorIsPending) {
  run();
  driver_->enable_msix();
  EXPECT_EQ(first_difference(), pages_.size());
  driver_->write<std::uint32_t>(FakeVirtioDriver::kMsixTable + 16 + 12, 1);
  ring_.chain().add({0x8000, 1, kDescriptorWrite, 0}).publish();
  driver_->notify(0);
  constexpr std::size_t kPending = 0x1800;
  EXPECT_EQ(pages_[kPending], std::byte{2});
  driver_->write<std::uint32_t>(FakeVirtioDriver::kMsixTable + 16 + 12, 0);
  EXPECT_EQ(pages_[kPending], std::byte{0});
  EXPECT_EQ(first_difference(), pages_.size());
}

TEST_F(ShownRegistersTest, TellOfAFault) {
  run();
  ring_.chain().add({0x40'0000'0000, 1, kDescriptorWrite, 0}).publish();
  driver_->notify(0);
  ASSERT_EQ(driver_->status(), kRunning | kStatusNeedsReset);
  EXPECT_EQ(first_difference(), pages_.size());
}

TEST_F(ShownRegistersTest, AreBlankWhileMemoryIsNotDecoded) {
  decode(0);
  EXPECT_TRUE(is_blank());
  driver_->set_status(kStatusAcknowledge);
  EXPECT_TRUE(is_blank());
  decode(2);
  EXPECT_EQ(first_difference(), pages_.size());
  EXPECT_EQ(viewer_.hidden, 0);
}

TEST_F(ShownRegistersTest, AreHiddenWhenTheBarIsMoved) {
  decode(0);
  driver_->config_write<std::uint32_t>(0x10, 0xffffffff);
  driver_->config_write<std::uint32_t>(0x10, kPlace);
  decode(2);
  EXPECT_EQ(viewer_.hidden, 0) << "it was only sized";
  driver_->config_write<std::uint32_t>(0x10, kPlace + 0x4000);
  EXPECT_EQ(viewer_.hidden, 1);
}

TEST_F(PciTransportTest, DeviceConfigurationEndsWhereItEnds) {
  EXPECT_EQ(driver_->read<std::uint32_t>(FakeVirtioDriver::kDeviceConfig + 4), 0x00000605U);
  driver_->write<std::uint32_t>(FakeVirtioDriver::kDeviceConfig + 4, ~0U);
  EXPECT_EQ(driver_->read<std::uint16_t>(FakeVirtioDriver::kDeviceConfig + 4), 0x0605U);
  driver_->write<std::uint16_t>(FakeVirtioDriver::kDeviceConfig + 4, 0x0708);
  EXPECT_EQ(driver_->read<std::uint16_t>(FakeVirtioDriver::kDeviceConfig + 4), 0x0708U);
}

TEST_F(PciTransportTest, NotificationsReachRunningQueuesOnly) {
  driver_->notify(0);
  run();
  driver_->notify(0);
  EXPECT_EQ(device_->notifications, 1);
  driver_->notify(1);
  EXPECT_EQ(device_->chains, 0) << "queue 1 was never enabled";
  driver_->write<std::uint16_t>(FakeVirtioDriver::kNotify + 8, 0);
  driver_->write<std::uint16_t>(FakeVirtioDriver::kNotify + 2, 0);
  EXPECT_EQ(device_->notifications, 2);
}

TEST_F(PciTransportTest, InterruptsByTheQueuesVector) {
  driver_->enable_msix();
  run();
  ring_.chain().readable("x").publish();
  driver_->notify(0);
  EXPECT_EQ(sink_.take(), std::vector{(io::MsiMessage{0xfee00000, FakeVirtioDriver::kMsiData + 1})});
}

TEST_F(PciTransportTest, WithoutMsixTheIsrTellsAndIsClearedByReading) {
  run();
  ring_.chain().readable("x").publish();
  driver_->notify(0);
  EXPECT_TRUE(sink_.take().empty());
  EXPECT_EQ(driver_->read<std::uint8_t>(FakeVirtioDriver::kIsr), 1U);
  EXPECT_EQ(driver_->read<std::uint8_t>(FakeVirtioDriver::kIsr), 0U);
}

TEST_F(PciTransportTest, AFaultAsksForAResetAndStopsTheDevice) {
  driver_->enable_msix();
  driver_->negotiate(kFeatureVersion1);
  driver_->write<std::uint16_t>(16, 0);
  driver_->enable_queue(0, ring_);
  driver_->driver_ok();
  ring_.publish_head(99);
  ::testing::internal::CaptureStderr();
  driver_->notify(0);
  EXPECT_EQ(driver_->status(), kRunning | kStatusNeedsReset);
  EXPECT_EQ(sink_.take(), std::vector{(io::MsiMessage{0xfee00000, FakeVirtioDriver::kMsiData})})
      << "a configuration change notification";
  EXPECT_EQ(driver_->read<std::uint8_t>(FakeVirtioDriver::kIsr), 2U);
  driver_->notify(0);
  EXPECT_EQ(device_->notifications, 1);
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("virtio-rng: queue 0"), std::string::npos);

  driver_->set_status(kRunning);
  EXPECT_EQ(driver_->status(), kRunning | kStatusNeedsReset) << "nothing but a reset helps";
  ring_.clear();
  run();
  EXPECT_EQ(driver_->status(), kRunning);
  ring_.chain().readable("x").publish();
  driver_->notify(0);
  EXPECT_EQ(device_->chains, 1);
}

TEST_F(PciTransportTest, AGuestCannotFloodTheLog) {
  ::testing::internal::CaptureStderr();
  for (int i = 0; i < 1000; ++i) {
    ring_.clear();
    run();
    ring_.publish_head(99);
    driver_->notify(0);
    ASSERT_EQ(driver_->status(), kRunning | kStatusNeedsReset);
  }
  const std::string log = ::testing::internal::GetCapturedStderr();
  // One line a second; a machine on which this takes a minute is still no flood.
  EXPECT_LE(std::count(log.begin(), log.end(), '\n'), 60);
}

TEST_F(PciTransportTest, ARingOutsideMemoryAsksForAReset) {
  ::testing::internal::CaptureStderr();
  driver_->negotiate(kFeatureVersion1);
  driver_->enable_queue(0, testing::FakeDriverRing(ram_.memory(), GuestAddress(1ULL << 40U), 16));
  driver_->driver_ok();
  EXPECT_EQ(driver_->status(), kRunning | kStatusNeedsReset);
  EXPECT_EQ(device_->activations, 0);
  driver_->notify(0);
  EXPECT_EQ(device_->notifications, 0);
  (void)::testing::internal::GetCapturedStderr();
}

TEST_F(PciTransportTest, TakesAnySizeAtAnyOffset) {
  run();
  std::array<std::byte, 8> data{};
  for (std::uint64_t offset = 0; offset < transport_->bars()[0].bytes; ++offset) {
    for (std::size_t bytes = 1; bytes <= 8 && offset + bytes <= transport_->bars()[0].bytes; ++bytes) {
      transport_->bar_read(0, offset, std::span(data).first(bytes));
      transport_->bar_write(0, offset, std::span(data).first(bytes));
    }
  }
}

TEST_F(PciTransportTest, TwoVcpusMayUseOneDevice) {
  driver_->enable_msix();
  testing::FakeDriverRing second(ram_.memory(), GuestAddress(0x10000 + testing::FakeDriverRing::kBytes), 8);
  driver_->negotiate(kFeatureVersion1);
  driver_->enable_queue(0, ring_);
  driver_->enable_queue(1, second);
  driver_->driver_ok();
  constexpr int kChains = 2000;
  const auto vcpu = [&](std::uint16_t queue, testing::FakeDriverRing& ring) {
    FakeVirtioDriver driver(*transport_);
    for (int i = 0; i < kChains; ++i) {
      ring.chain().readable("x").publish();
      driver.notify(queue);
      ASSERT_TRUE(ring.take_used());
      (void)driver.status();
      (void)driver.config_read<std::uint32_t>(0x10);
    }
  };
  std::thread other([&] { vcpu(1, second); });
  vcpu(0, ring_);
  other.join();
  EXPECT_EQ(device_->chains, 2 * kChains);
  EXPECT_EQ(sink_.take().size(), 2U * kChains);
}

}  // namespace
}  // namespace mayfly::virtio
