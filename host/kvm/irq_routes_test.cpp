// SPDX-License-Identifier: Apache-2.0
#include "kvm/irq_routes.hpp"

#include <optional>

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.hpp"

namespace mayfly::kvm {
namespace {

class IrqRoutesTest : public ::testing::TestWithParam<Irqchip> {
 protected:
  void SetUp() override {
    if (::access("/dev/kvm", R_OK | W_OK) != 0) {
      GTEST_SKIP() << "no /dev/kvm";
    }
    system_.emplace("/dev/kvm");
    vm_.emplace(*system_);
    vm_->create_irqchip(GetParam());
    routes_.emplace(*vm_);
    first_ = GetParam() == Irqchip::kMessages ? 0 : IrqRoutes::kPins;
  }
  std::optional<System> system_;
  std::optional<Vm> vm_;
  std::optional<IrqRoutes> routes_;
  std::uint32_t first_ = 0;  ///< GSI of a message.
  Fd event_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  Fd ended_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
};

TEST_P(IrqRoutesTest, MessagesComeAfterThePins) {
  EXPECT_EQ(routes_->allocate(3), first_);
  EXPECT_EQ(routes_->allocate(1), first_ + 3);
}

TEST_P(IrqRoutesTest, MoreThanKvmCanRouteIsAnError) {
  (void)routes_->allocate(IrqRoutes::kRoutesMax - first_);
  EXPECT_THROW((void)routes_->allocate(1), Error);
}

TEST_P(IrqRoutesTest, FullTableIsTakenByKvm) {
  const std::uint32_t first = routes_->allocate(IrqRoutes::kRoutesMax - first_);
  EXPECT_TRUE(routes_->route(first, 0xfee00000, 0x41));
}

TEST_P(IrqRoutesTest, EventRaisesOneLineAtATime) {
  const std::uint32_t gsi = routes_->allocate(2);
  ASSERT_TRUE(routes_->route(gsi, 0xfee00000, 0x41));
  EXPECT_TRUE(routes_->connect(gsi, event_.get()));
  EXPECT_FALSE(routes_->connect(gsi + 1, event_.get()));
  routes_->disconnect(gsi, event_.get());
  EXPECT_TRUE(routes_->connect(gsi + 1, event_.get()));
}

TEST_P(IrqRoutesTest, ConnectedEventIsTakenByKvmAndOthersWait) {
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

TEST_P(IrqRoutesTest, PinTakesALevelWhereThereIsOne) {
  if (GetParam() == Irqchip::kMessages) {
    EXPECT_FALSE(routes_->connect_level(16, event_.get(), ended_.get()));
    return;
  }
  EXPECT_TRUE(routes_->connect_level(16, event_.get(), ended_.get()));
  EXPECT_FALSE(routes_->connect_level(16, event_.get(), ended_.get()));
}

INSTANTIATE_TEST_SUITE_P(EachIrqchip, IrqRoutesTest,
                         ::testing::Values(Irqchip::kMessages, Irqchip::kMessagesAndPins),
                         [](const auto& given) {
                           return given.param == Irqchip::kMessages ? "Messages" : "MessagesAndPins";
                         });

}  // namespace
}  // namespace mayfly::kvm
