// SPDX-License-Identifier: Apache-2.0
#include "virtio/pci_transport.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

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
  EXPECT_EQ(driver_->config_read<std::uint16_t>(driver_->capability(0x11) + 2U), PciTransport::kVectors - 1U);
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
