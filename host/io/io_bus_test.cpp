// SPDX-License-Identifier: Apache-2.0
#include "io/io_bus.hpp"

#include <gtest/gtest.h>

namespace mayfly::io {
namespace {

class Recorder : public IoDevice {
 public:
  [[nodiscard]] std::string_view name() const noexcept override { return "recorder"; }
  void read(std::uint64_t offset, std::span<std::byte> data) noexcept override {
    data.front() = static_cast<std::byte>(offset);
  }
  void write(std::uint64_t offset, std::span<const std::byte> data) noexcept override {
    last_offset = offset;
    last_value = data.front();
  }
  std::uint64_t last_offset = ~0ULL;
  std::byte last_value{0};
};

class IoBusTest : public ::testing::Test {
 protected:
  IoBusTest() {
    bus_.attach({0x100, 0x10}, first_);
    bus_.attach({0x110, 0x10}, second_);
    bus_.freeze();
  }
  Recorder first_;
  Recorder second_;
  IoBus bus_;
};

TEST_F(IoBusTest, AccessReachesItsDeviceAtARelativeOffset) {
  const std::array<std::byte, 1> value{std::byte{7}};
  bus_.write(0x112, value);
  EXPECT_EQ(second_.last_offset, 2U);
  EXPECT_EQ(second_.last_value, std::byte{7});
  EXPECT_EQ(first_.last_offset, ~0ULL);
  std::array<std::byte, 1> answer{};
  bus_.read(0x10f, answer);
  EXPECT_EQ(answer[0], std::byte{0xf});
}

TEST_F(IoBusTest, NothingThereReadsAllOnes) {
  std::array<std::byte, 4> answer{};
  bus_.read(0x90, answer);
  EXPECT_EQ(answer,
            (std::array<std::byte, 4>{std::byte{0xff}, std::byte{0xff}, std::byte{0xff}, std::byte{0xff}}));
}

TEST_F(IoBusTest, AccessAcrossTheEndOfARangeHitsNothing) {
  const std::array<std::byte, 4> value{};
  bus_.write(0x11e, value);
  EXPECT_EQ(second_.last_offset, ~0ULL);
  std::array<std::byte, 2> answer{};
  bus_.read(0x10f, answer);
  EXPECT_EQ(answer[0], std::byte{0xff});
}

TEST_F(IoBusTest, TopOfTheAddressSpaceDoesNotWrap) {
  std::array<std::byte, 8> answer{};
  bus_.read(~0ULL - 2, answer);
  EXPECT_EQ(answer[0], std::byte{0xff});
}

TEST(IoBusDeathTest, OverlappingRangesAreOurMistake) {
  Recorder device;
  IoBus bus;
  bus.attach({0x100, 0x10}, device);
  EXPECT_DEATH(bus.attach({0x10f, 1}, device), "internal error");
}

}  // namespace
}  // namespace mayfly::io
