// SPDX-License-Identifier: Apache-2.0
#include "kvm/irq_routes.hpp"

#include <optional>

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.hpp"

namespace mayfly::kvm {
namespace {

class IrqRoutesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::access("/dev/kvm", R_OK | W_OK) != 0) {
      GTEST_SKIP() << "no /dev/kvm";
    }
    system_.emplace("/dev/kvm");
    vm_.emplace(*system_);
    vm_->create_irqchip(Irqchip::kMessagesAndPins);
    routes_.emplace(*vm_);
  }
  std::optional<System> system_;
  std::optional<Vm> vm_;
  std::optional<IrqRoutes> routes_;
  Fd event_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  Fd ended_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
};

TEST_F(IrqRoutesTest, MessagesComeAfterThePins) {
  EXPECT_EQ(routes_->allocate(3), IrqRoutes::kPins);
  EXPECT_EQ(routes_->allocate(1), IrqRoutes::kPins + 3);
}

TEST_F(IrqRoutesTest, MoreThanKvmCanRouteIsAnError) {
  (void)routes_->allocate(IrqRoutes::kRoutesMax - IrqRoutes::kPins);
  EXPECT_THROW((void)routes_->allocate(1), Error);
}

TEST_F(IrqRoutesTest, FullTableIsTakenByKvm) {
  const std::uint32_t first = routes_->allocate(IrqRoutes::kRoutesMax - IrqRoutes::kPins);
  EXPECT_TRUE(routes_->route(first, 0xfee00000, 0x41));
}

TEST_F(IrqRoutesTest, EventRaisesOneLineAtATime) {
  const std::uint32_t gsi = routes_->allocate(2);
  ASSERT_TRUE(routes_->route(gsi, 0xfee00000, 0x41));
  EXPECT_TRUE(routes_->connect(gsi, event_.get()));
  EXPECT_FALSE(routes_->connect(gsi + 1, event_.get()));
  routes_->disconnect(gsi, event_.get());
  EXPECT_TRUE(routes_->connect(gsi + 1, event_.get()));
}

TEST_F(IrqRoutesTest, ConnectedEventIsTakenByKvmAndOthersWait) {
  const std::uint32_t gsi = routes_->allocate(1);
  ASSERT_TRUE(routes_->route(gsi, 0xfee00000, 0x41));
  ASSERT_TRUE(routes_->connect(gsi, event_.get()));
  ASSERT_EQ(::eventfd_write(event_.get(), 1), 0);
  eventfd_t count = 0;
  EXPECT_NE(::eventfd_read(event_.get(), &count), 0);
  routes_->disconnect(gsi, event_.get());
  ASSERT_EQ(::eventfd_write(event_.get(), 1), 0);
  EXPECT_EQ(::eventfd_read(event_.get(), &count), 0);
}

TEST_F(IrqRoutesTest, PinTakesALevel) {
  EXPECT_TRUE(routes_->connect_level(16, event_.get(), ended_.get()));
  EXPECT_FALSE(routes_->connect_level(16, event_.get(), ended_.get()));
}

}  // namespace
}  // namespace mayfly::kvm
