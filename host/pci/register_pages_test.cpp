// SPDX-License-Identifier: Apache-2.0
#include "pci/register_pages.hpp"

#include <array>
#include <cstring>

#include <gtest/gtest.h>

#include "testing/counting_viewer.hpp"

namespace mayfly::pci {
namespace {

constexpr std::uint64_t kPlace = 0xc0004000;
constexpr std::size_t kBytes = 0x2000;

class RegisterPagesTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::uint32_t seen(std::size_t offset) const {
    std::uint32_t value = 0;
    std::memcpy(&value, pages_.bytes().data() + offset, sizeof(value));
    return value;
  }
  void show(std::size_t offset, std::uint32_t value) { pages_.show(offset, std::span(&value, 1)); }

  testing::CountingViewer viewer_;
  RegisterPages pages_{kPlace, kBytes, viewer_};
};

TEST_F(RegisterPagesTest, ShowsWhatItIsToldAndOnesElsewhere) {
  show(8, 0x12345678);
  EXPECT_EQ(seen(8), 0x12345678U);
  EXPECT_EQ(seen(4), ~0U);
  EXPECT_EQ(seen(kBytes - 4), ~0U);
  show(8, 5);
  EXPECT_EQ(seen(8), 5U);
}

TEST_F(RegisterPagesTest, IsBlankWhileItsBarIsNotDecoded) {
  show(8, 7);
  show(kBytes - 8, 7);
  pages_.follow(std::nullopt);
  EXPECT_EQ(seen(8), ~0U);
  show(8, 9);
  EXPECT_EQ(seen(8), ~0U) << "a change meanwhile";
  EXPECT_EQ(seen(kBytes - 8), ~0U);
  pages_.follow(kPlace);
  show(8, 9);
  EXPECT_EQ(seen(8), 9U);
  EXPECT_EQ(viewer_.hidden, 0);
}

TEST_F(RegisterPagesTest, IsHiddenOnceForGoodWhenItsBarMoves) {
  show(8, 7);
  pages_.follow(kPlace + 0x1000);
  EXPECT_EQ(viewer_.hidden, 1);
  pages_.follow(std::nullopt);
  pages_.follow(kPlace + 0x2000);
  pages_.follow(kPlace);
  EXPECT_EQ(viewer_.hidden, 1);
}

TEST_F(RegisterPagesTest, IsHiddenWhenItsBarMovedWhileItWasNotDecoded) {
  pages_.follow(std::nullopt);
  pages_.follow(kPlace + 0x4000);
  EXPECT_EQ(viewer_.hidden, 1);
}

}  // namespace
}  // namespace mayfly::pci
