// SPDX-License-Identifier: Apache-2.0
#include "virtio/pmem.hpp"

#include <cstdint>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "testing/fake_driver_ring.hpp"
#include "testing/fake_msi_sink.hpp"
#include "testing/fake_virtio_driver.hpp"
#include "testing/guest_ram.hpp"
#include "virtio/pci_transport.hpp"

namespace mayfly::virtio {
namespace {

const std::string kFlush(4, '\0');

class PmemTest : public ::testing::Test {
 protected:
  PmemTest() {
    driver_.negotiate(kFeatureVersion1);
    driver_.enable_queue(0, ring_);
    driver_.driver_ok();
  }
  void expect_fault() {
    ::testing::internal::CaptureStderr();
    driver_.notify(0);
    EXPECT_NE(driver_.status() & kStatusNeedsReset, 0);
    (void)::testing::internal::GetCapturedStderr();
  }

  testing::GuestRam ram_;
  testing::FakeMsiSink sink_;
  testing::FakeDriverRing ring_{ram_.memory(), GuestAddress(0x10000), 4};
  PciTransport transport_{std::make_unique<Pmem>(GuestRange{GuestAddress(0x12'4000'0000), 0x600000}),
                          ram_.memory(), sink_};
  testing::FakeVirtioDriver driver_{transport_};
};

TEST_F(PmemTest, TellsWhereTheImageIs) {
  EXPECT_EQ(driver_.read<std::uint64_t>(testing::FakeVirtioDriver::kDeviceConfig), 0x12'4000'0000U);
  EXPECT_EQ(driver_.read<std::uint64_t>(testing::FakeVirtioDriver::kDeviceConfig + 8), 0x600000U);
  EXPECT_EQ(driver_.offered() & 0xffffffU, 0U) << "no SHMEM_REGION";
}

TEST_F(PmemTest, AnswersAFlushAtOnce) {
  ring_.chain().readable(kFlush).writable(4).publish();
  driver_.notify(0);
  EXPECT_EQ(ring_.take_used()->text, std::string(4, '\0'));
}

TEST_F(PmemTest, AnswersAnUnknownRequestWithAnError) {
  ring_.chain().readable(std::string("\7\0\0\0", 4)).writable(4).publish();
  driver_.notify(0);
  EXPECT_EQ(ring_.take_used()->text, std::string("\1\0\0\0", 4));
}

TEST_F(PmemTest, RefusesARequestThatIsTooShort) {
  ring_.chain().readable(std::string(2, '\0')).writable(4).publish();
  expect_fault();
}

TEST_F(PmemTest, RefusesARequestWithoutRoomForTheAnswer) {
  ring_.chain().readable(kFlush).writable(3).publish();
  expect_fault();
}

}  // namespace
}  // namespace mayfly::virtio
