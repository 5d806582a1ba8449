// SPDX-License-Identifier: Apache-2.0
#include "virtio/common_config.hpp"

#include <cstdint>

#include <gtest/gtest.h>

#include "testing/transport_fixture.hpp"

namespace mayfly::virtio {
namespace {

using testing::kDriven;
using testing::kNegotiated;
using testing::kOwnFeature;
using testing::kRunning;

using CommonConfigTest = testing::TransportFixture;

TEST_F(CommonConfigTest, RunsAfterTheStepsInOrder) {
  run(kFeatureVersion1 | kOwnFeature);
  EXPECT_EQ(driver_->status(), kRunning);
  EXPECT_EQ(device_->activations, 1);
  EXPECT_EQ(device_->features, kFeatureVersion1 | kOwnFeature);
  EXPECT_EQ(driver_->offered(), kFeatureVersion1 | kOwnFeature);
}

TEST_F(CommonConfigTest, TakesNoStepOutOfOrder) {
  for (unsigned skipped : {unsigned{kStatusDriver}, unsigned{kDriven}, unsigned{kNegotiated},
                           unsigned{kRunning}, unsigned{kStatusDriverOk}, unsigned{kStatusFeaturesOk}}) {
    driver_->set_status(static_cast<std::uint8_t>(skipped));
    EXPECT_EQ(driver_->status(), 0U) << skipped;
  }
  driver_->set_status(kStatusAcknowledge);
  driver_->set_status(kNegotiated);
  EXPECT_EQ(driver_->status(), kStatusAcknowledge);
  driver_->set_status(kDriven);
  driver_->accept(kFeatureVersion1);
  driver_->set_status(kRunning);
  EXPECT_EQ(driver_->status(), kDriven) << "FEATURES_OK must be seen first";
  EXPECT_EQ(device_->activations, 0);
}

TEST_F(CommonConfigTest, BitsAreNotTakenBackOneByOne) {
  run();
  driver_->set_status(kNegotiated);
  driver_->set_status(kStatusAcknowledge);
  EXPECT_EQ(driver_->status(), kRunning);
  driver_->set_status(kRunning);
  EXPECT_EQ(device_->activations, 1);
}

TEST_F(CommonConfigTest, AcceptsOnlyFeaturesThatWereOffered) {
  driver_->negotiate(kFeatureVersion1 | 1);
  EXPECT_EQ(driver_->status(), kDriven);
  driver_->accept(kFeatureVersion1);
  driver_->set_status(kNegotiated);
  EXPECT_EQ(driver_->status(), kNegotiated) << "the driver may try again";
}

TEST_F(CommonConfigTest, DemandsVersion1) {
  driver_->negotiate(kOwnFeature);
  EXPECT_EQ(driver_->status(), kDriven);
}

TEST_F(CommonConfigTest, FeaturesAreFrozenAtFeaturesOk) {
  driver_->negotiate(kFeatureVersion1);
  driver_->accept(kFeatureVersion1 | kOwnFeature);
  driver_->driver_ok();
  EXPECT_EQ(device_->features, kFeatureVersion1);
}

TEST_F(CommonConfigTest, FeatureSelectorsBeyondTheSecondWordAreEmpty) {
  driver_->write<std::uint32_t>(0, 2);
  EXPECT_EQ(driver_->read<std::uint32_t>(4), 0U);
  driver_->set_status(kStatusAcknowledge);
  driver_->set_status(kDriven);
  driver_->write<std::uint32_t>(8, 0xffffffff);
  driver_->write<std::uint32_t>(12, ~0U);
  EXPECT_EQ(driver_->read<std::uint32_t>(12), 0U);
}

TEST_F(CommonConfigTest, ResetWorksFromAnyStateAndTheDeviceRunsAgain) {
  for (int round = 0; round < 3; ++round) {
    ring_.clear();
    run();
    ring_.chain().readable("x").publish();
    driver_->notify(0);
    EXPECT_EQ(device_->chains, round + 1);
    driver_->reset();
    EXPECT_EQ(driver_->status(), 0U);
    driver_->notify(0);
    EXPECT_EQ(device_->notifications, round + 1);
  }
  EXPECT_EQ(device_->activations, 3);
  driver_->write<std::uint16_t>(22, 0);
  EXPECT_EQ(driver_->read<std::uint16_t>(24), 16U) << "sizes are back at their largest";
  EXPECT_EQ(driver_->read<std::uint16_t>(28), 0U);
  EXPECT_EQ(driver_->read<std::uint64_t>(32), 0U);
  EXPECT_EQ(driver_->read<std::uint16_t>(26), 0xffffU);
}

TEST_F(CommonConfigTest, AResetTakesTheQueuesAwayFromTheDevice) {
  run();
  const int resets = device_->resets;
  driver_->reset();
  EXPECT_EQ(device_->resets, resets + 1);
  ring_.clear();
  ring_.chain().readable("x").publish();
  driver_->negotiate(kFeatureVersion1);
  driver_->driver_ok();
  driver_->notify(0);
  EXPECT_EQ(device_->chains, 0) << "this driver did not enable the queue";
}

// Queue set-up.

TEST_F(CommonConfigTest, QueuesAreFrozenAtDriverOk) {
  run();
  for (std::uint16_t queue = 0; queue < 2; ++queue) {
    driver_->write(22, queue);
    const auto before = driver_->read<std::uint64_t>(32);
    const auto size = driver_->read<std::uint16_t>(24);
    driver_->write<std::uint16_t>(24, 4);
    driver_->write<std::uint32_t>(32, 0x12340);
    driver_->write<std::uint16_t>(28, 1);
    EXPECT_EQ(driver_->read<std::uint16_t>(24), size);
    EXPECT_EQ(driver_->read<std::uint64_t>(32), before);
    EXPECT_EQ(driver_->read<std::uint16_t>(28), queue == 0 ? 1U : 0U);
  }
}

TEST_F(CommonConfigTest, QueuesAreFrozenBeforeFeaturesOkAndOnceEnabled) {
  driver_->enable_queue(0, ring_);
  EXPECT_EQ(driver_->read<std::uint16_t>(28), 0U);
  driver_->negotiate(kFeatureVersion1);
  driver_->enable_queue(0, ring_);
  driver_->write<std::uint16_t>(24, 4);
  EXPECT_EQ(driver_->read<std::uint16_t>(24), 16U);
  driver_->write<std::uint16_t>(28, 0);
  EXPECT_EQ(driver_->read<std::uint16_t>(28), 1U);
}

TEST_F(CommonConfigTest, KeepsItsQueueSizeWhenAWrongOneIsWritten) {
  driver_->negotiate(kFeatureVersion1);
  for (const unsigned wrong : {0U, 3U, 32U, 0xffffU}) {
    driver_->write(24, static_cast<std::uint16_t>(wrong));
    EXPECT_EQ(driver_->read<std::uint16_t>(24), 16U) << wrong;
  }
  driver_->write<std::uint16_t>(24, 4);
  EXPECT_EQ(driver_->read<std::uint16_t>(24), 4U);
}

TEST_F(CommonConfigTest, QueuesThatDoNotExistReadAsUnavailable) {
  driver_->negotiate(kFeatureVersion1);
  EXPECT_EQ(driver_->read<std::uint16_t>(18), 2U);
  driver_->write<std::uint16_t>(22, 2);
  EXPECT_EQ(driver_->read<std::uint16_t>(24), 0U);
  driver_->write<std::uint16_t>(28, 1);
  driver_->write<std::uint16_t>(26, 1);
  driver_->write<std::uint16_t>(22, 0xffff);
  EXPECT_EQ(driver_->read<std::uint16_t>(28), 0U);
  EXPECT_EQ(driver_->read<std::uint64_t>(32), 0U);
}

TEST_F(CommonConfigTest, VectorsBeyondTheTableReadBackAsNone) {
  driver_->write<std::uint16_t>(16, 1);
  EXPECT_EQ(driver_->read<std::uint16_t>(16), 1U);
  driver_->write<std::uint16_t>(16, transport_->device().vectors());
  EXPECT_EQ(driver_->read<std::uint16_t>(16), 0xffffU);
  driver_->write<std::uint16_t>(26, transport_->device().vectors());
  EXPECT_EQ(driver_->read<std::uint16_t>(26), 0xffffU);
}

TEST_F(CommonConfigTest, WritesThatAreNotOneFieldAreDropped) {
  driver_->negotiate(kFeatureVersion1);
  driver_->write<std::uint64_t>(32, ~0ULL);
  driver_->write<std::uint16_t>(32, 0xffff);
  driver_->write<std::uint32_t>(34, ~0U);
  driver_->write<std::uint32_t>(24, ~0U);
  driver_->write<std::uint16_t>(20, 0);
  driver_->write<std::uint16_t>(19, 0);
  EXPECT_EQ(driver_->read<std::uint64_t>(32), 0U);
  EXPECT_EQ(driver_->read<std::uint16_t>(24), 16U);
  EXPECT_EQ(driver_->status(), kNegotiated);
}

}  // namespace
}  // namespace mayfly::virtio
