// SPDX-License-Identifier: Apache-2.0
#include "virtio/rng.hpp"

#include <algorithm>
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

class RngTest : public ::testing::Test {
 protected:
  RngTest() {
    driver_.negotiate(kFeatureVersion1 | kFeatureIndirectDescriptors);
    driver_.enable_queue(0, ring_);
    driver_.driver_ok();
  }

  testing::GuestRam ram_;
  testing::FakeMsiSink sink_;
  testing::FakeDriverRing ring_{ram_.memory(), GuestAddress(0x10000), 4};
  PciTransport transport_{std::make_unique<Rng>(), ram_.memory(), sink_};
  testing::FakeVirtioDriver driver_{transport_};
};

TEST_F(RngTest, FillsTheWholeRequest) {
  ring_.chain().writable(40).publish();
  driver_.notify(0);
  const auto used = ring_.take_used();
  ASSERT_TRUE(used);
  EXPECT_EQ(used->bytes, 40U);
  EXPECT_NE(used->text, std::string(40, '\0'));
}

TEST_F(RngTest, NeverFillsTheSameBytesTwice) {
  ring_.chain().writable(32).publish();
  ring_.chain().indirect().writable(32).publish();
  driver_.notify(0);
  EXPECT_NE(ring_.take_used()->text, ring_.take_used()->text);
}

TEST_F(RngTest, WritesNothingBeyondTheBuffer) {
  constexpr std::uint64_t kAt = 0x80000;
  ring_.chain().add({kAt, 33, kDescriptorWrite, 0}).add({kAt + 0x100, 7, kDescriptorWrite, 0}).publish();
  driver_.notify(0);
  EXPECT_EQ(ring_.take_used()->bytes, 40U);
  std::string around(0x200, '\0');
  ASSERT_TRUE(ram_.memory().copy_out(GuestAddress(kAt), std::as_writable_bytes(std::span(around))));
  EXPECT_EQ(around.substr(33, 0x100 - 33), std::string(0x100 - 33, '\0'));
  EXPECT_EQ(around.substr(0x107), std::string(0x200 - 0x107, '\0'));
}

TEST_F(RngTest, AnswersALargeRequestOnlyInPart) {
  ring_.chain().add({0x40000, 0x80000, kDescriptorWrite, 0}).publish();
  driver_.notify(0);
  EXPECT_EQ(ring_.take_used()->bytes, Rng::kRequestBytesMax);
}

TEST_F(RngTest, RefusesARequestThatItWouldHaveToRead) {
  ::testing::internal::CaptureStderr();
  ring_.chain().readable("seed").writable(4).publish();
  driver_.notify(0);
  EXPECT_NE(driver_.status() & kStatusNeedsReset, 0);
  (void)::testing::internal::GetCapturedStderr();
}

}  // namespace
}  // namespace mayfly::virtio
