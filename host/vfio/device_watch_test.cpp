// SPDX-License-Identifier: Apache-2.0
#include "vfio/device_watch.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "base/event_fd.hpp"
#include "testing/fake_vfio_device.hpp"

namespace mayfly::vfio {
namespace {

class DeviceWatchTest : public ::testing::Test {
 protected:
  DeviceWatchTest() {
    watch_.add("0000:01:00.0", disk_);
    watch_.add("0000:02:00.0", card_);
  }
  /// As the kernel does for its user.
  static void signal(const testing::FakeVfioDevice& device, Interrupts kind) {
    ASSERT_EQ(::eventfd_write(device.enabled.at(kind).at(0), 1), 0);
  }

  testing::FakeVfioDevice disk_;
  testing::FakeVfioDevice card_;
  DeviceWatch watch_;
};

TEST_F(DeviceWatchTest, NothingIsSaidOfDevicesThatStay) { EXPECT_FALSE(has_event(watch_.fd())); }

TEST_F(DeviceWatchTest, DeviceThatTheHostWantsBackIsNamed) {
  signal(card_, Interrupts::kRequest);
  EXPECT_TRUE(has_event(watch_.fd()));
  EXPECT_TRUE(has_event(watch_.fd()));  // it stays so
  EXPECT_NE(watch_.describe().find("takes device 0000:02:00.0 back"), std::string::npos);
}

TEST_F(DeviceWatchTest, DeviceThatHasFailedIsNamed) {
  signal(disk_, Interrupts::kError);
  EXPECT_TRUE(has_event(watch_.fd()));
  EXPECT_NE(watch_.describe().find("device 0000:01:00.0 has failed"), std::string::npos);
}

TEST_F(DeviceWatchTest, HostThatTellsNothingIsNoError) {
  testing::FakeVfioDevice mute;
  mute.refuse_events = true;
  watch_.add("0000:03:00.0", mute);
  EXPECT_FALSE(has_event(watch_.fd()));
}

}  // namespace
}  // namespace mayfly::vfio
