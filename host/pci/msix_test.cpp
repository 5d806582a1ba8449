// SPDX-License-Identifier: Apache-2.0
#include "pci/msix.hpp"

#include <cstdint>

#include <gtest/gtest.h>

#include "testing/fake_msi_sink.hpp"

namespace mayfly::pci {
namespace {

using io::MsiMessage;

constexpr std::uint16_t kEnable = 0x8000;
constexpr std::uint16_t kFunctionMask = 0x4000;

/// Three vectors; vector v has data 0x100 + v.
class MsixTest : public ::testing::Test {
 protected:
  MsixTest() {
    msix_.add_capability(config_, {.bar = 2, .table = 0x1000, .pba = 0x2000});
    for (std::uint32_t v = 0; v < 3; ++v) {
      write_table<std::uint32_t>(16ULL * v, 0xfee01000);
      write_table<std::uint32_t>(16ULL * v + 8, 0x100 + v);
    }
  }

  void control(std::uint16_t value) {
    config_.write(config_.get<std::uint8_t>(0x34) + 2U, std::as_bytes(std::span(&value, 1)));
    msix_.config_written(config_);
  }
  template <typename T>
  void write_table(std::uint64_t offset, T value) {
    msix_.write_table(offset, std::as_bytes(std::span(&value, 1)));
  }
  template <typename T>
  T read_table(std::uint64_t offset) {
    T value = static_cast<T>(~T{0});
    msix_.read_table(offset, std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }
  std::uint64_t pba() {
    std::uint64_t bits = ~std::uint64_t{0};
    msix_.read_pba(0, std::as_writable_bytes(std::span(&bits, 1)));
    return bits;
  }
  void mask(std::uint32_t vector, std::uint32_t masked) { write_table(16ULL * vector + 12, masked); }

  testing::FakeMsiSink sink_;
  ConfigSpace config_{Identity{}};
  Msix msix_{3, sink_};
};

TEST_F(MsixTest, TellsItsTable) {
  const auto at = config_.get<std::uint8_t>(0x34);
  EXPECT_EQ(config_.get<std::uint8_t>(at), 0x11);
  EXPECT_EQ(config_.get<std::uint16_t>(at + 2U), 2U) << "size minus one";
  EXPECT_EQ(config_.get<std::uint32_t>(at + 4U), 0x1002U);
  EXPECT_EQ(config_.get<std::uint32_t>(at + 8U), 0x2002U);
}

TEST_F(MsixTest, SendsAnUnmaskedVector) {
  control(kEnable);
  mask(1, 0);
  msix_.raise(1);
  EXPECT_EQ(sink_.take(), std::vector{(MsiMessage{0xfee01000, 0x101})});
  EXPECT_EQ(pba(), 0U);
}

TEST_F(MsixTest, VectorsAreMaskedAtFirst) {
  control(kEnable);
  msix_.raise(0);
  EXPECT_TRUE(sink_.take().empty());
  EXPECT_EQ(pba(), 1U);
}

TEST_F(MsixTest, SendsWhatIsPendingWhenItsVectorIsUnmasked) {
  control(kEnable);
  msix_.raise(2);
  msix_.raise(2);
  EXPECT_EQ(pba(), 4U);
  mask(2, 0);
  EXPECT_EQ(sink_.take(), std::vector{(MsiMessage{0xfee01000, 0x102})});
  EXPECT_EQ(pba(), 0U);
}

TEST_F(MsixTest, SendsWithWhatTheUnmaskingAccessWrote) {
  control(kEnable);
  msix_.raise(0);
  write_table<std::uint64_t>(8, 0x777);
  EXPECT_EQ(sink_.take(), std::vector{(MsiMessage{0xfee01000, 0x777})});
}

TEST_F(MsixTest, FunctionMaskHoldsAllVectors) {
  control(kEnable | kFunctionMask);
  mask(0, 0);
  mask(1, 0);
  msix_.raise(0);
  msix_.raise(2);
  EXPECT_TRUE(sink_.take().empty());
  EXPECT_EQ(pba(), 5U);
  control(kEnable);
  EXPECT_EQ(sink_.take(), std::vector{(MsiMessage{0xfee01000, 0x100})});
  EXPECT_EQ(pba(), 4U) << "vector 2 is still masked by itself";
}

TEST_F(MsixTest, SendsNothingWhileOff) {
  mask(0, 0);
  msix_.raise(0);
  control(kEnable);
  EXPECT_TRUE(sink_.take().empty());
  control(kEnable | kFunctionMask);
  msix_.raise(0);
  control(0);
  control(kEnable);
  EXPECT_TRUE(sink_.take().empty()) << "turning MSI-X off forgets what was pending";
}

TEST_F(MsixTest, DropsVectorsBeyondTheTable) {
  control(kEnable);
  msix_.raise(3);
  msix_.raise(0xffff);
  EXPECT_TRUE(sink_.take().empty());
  EXPECT_EQ(pba(), 0U);
}

TEST_F(MsixTest, ReservedBitsOfAnEntryStayZero) {
  write_table(0, ~std::uint64_t{0});
  write_table(8, ~std::uint64_t{0});
  EXPECT_EQ(read_table<std::uint64_t>(0), 0xfffffffffffffffcU);
  EXPECT_EQ(read_table<std::uint64_t>(8), 0x00000001ffffffffU);
}

TEST_F(MsixTest, IgnoresWhatLiesBeyondTheTable) {
  write_table(44, ~std::uint64_t{0});
  write_table(48, ~std::uint64_t{0});
  write_table(~std::uint64_t{15}, ~std::uint64_t{0});
  EXPECT_EQ(read_table<std::uint64_t>(44), 0xffffffff00000001U);
  EXPECT_EQ(read_table<std::uint64_t>(4000), ~std::uint64_t{0});
}

TEST(Msix, PbaHasOneBitForEachOf2048Vectors) {
  testing::FakeMsiSink sink;
  ConfigSpace config{Identity{}};
  Msix msix(Msix::kVectorsMax, sink);
  msix.add_capability(config, {.bar = 0, .table = 0, .pba = 0x8000});
  const std::uint16_t enable = kEnable;
  config.write(config.get<std::uint8_t>(0x34) + 2U, std::as_bytes(std::span(&enable, 1)));
  msix.config_written(config);
  msix.raise(2047);
  std::uint64_t bits = 0;
  msix.read_pba(0xf8, std::as_writable_bytes(std::span(&bits, 1)));
  EXPECT_EQ(bits, 1ULL << 63U);
  bits = 0x5a5a;
  msix.read_pba(0x100, std::as_writable_bytes(std::span(&bits, 1)));
  EXPECT_EQ(bits, 0x5a5aU);
}

TEST(MsixDeathTest, RefusesATableThatPciDoesNotKnow) {
  testing::FakeMsiSink sink;
  EXPECT_DEATH(Msix(0, sink), "vectors");
  EXPECT_DEATH(Msix(2049, sink), "vectors");
}

}  // namespace
}  // namespace mayfly::pci
