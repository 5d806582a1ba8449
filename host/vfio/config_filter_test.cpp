// SPDX-License-Identifier: Apache-2.0
#include "vfio/config_filter.hpp"

#include <gtest/gtest.h>

#include "testing/fake_vfio_device.hpp"

namespace mayfly::vfio {
namespace {

class ConfigFilterTest : public ::testing::Test {
 protected:
  [[nodiscard]] ConfigFilter filter(ConfigFilter::Pin pin = ConfigFilter::Pin::kNone) {
    return {device_.config, bars_, pin};
  }
  template <typename T>
  T read(const ConfigFilter& filter, std::uint16_t offset) {
    T value = static_cast<T>(~T{0});
    filter.read(offset, std::as_writable_bytes(std::span(&value, 1)), device_);
    return value;
  }
  template <typename T>
  void write(ConfigFilter& filter, std::uint16_t offset, T value) {
    filter.write(offset, std::as_bytes(std::span(&value, 1)), device_);
  }
  /// Offsets and IDs of the list that the guest walks.
  std::vector<std::pair<unsigned, unsigned>> list(const ConfigFilter& filter) {
    std::vector<std::pair<unsigned, unsigned>> found;
    if ((read<std::uint16_t>(filter, 0x06) & 0x10U) == 0) {
      return found;
    }
    for (auto at = read<std::uint8_t>(filter, 0x34); at != 0 && found.size() < 100;
         at = read<std::uint8_t>(filter, at + 1U)) {
      found.emplace_back(at, read<std::uint8_t>(filter, at));
    }
    return found;
  }

  testing::FakeVfioDevice device_;
  std::array<pci::Bar, pci::kBarsMax> bars_{};
};

using List = std::vector<std::pair<unsigned, unsigned>>;

TEST_F(ConfigFilterTest, IdentityIsTheDevices) {
  device_.put<std::uint32_t>(0x2c, 0x56781af4);
  const ConfigFilter view = filter();
  EXPECT_EQ(read<std::uint32_t>(view, 0x00), 0x11e81234U);
  EXPECT_EQ(read<std::uint32_t>(view, 0x08), 0x00ff0010U);
  EXPECT_EQ(read<std::uint32_t>(view, 0x2c), 0x56781af4U);
}

TEST_F(ConfigFilterTest, RomCardBusAndHeaderTypeAreMasked) {
  device_.put<std::uint8_t>(0x0e, 0x80);
  device_.put<std::uint32_t>(0x28, 0x11111111);
  device_.put<std::uint32_t>(0x30, 0xfffff801);
  ConfigFilter view = filter();
  write<std::uint32_t>(view, 0x30, ~0U);
  EXPECT_EQ(read<std::uint8_t>(view, 0x0e), 0U);
  EXPECT_EQ(read<std::uint32_t>(view, 0x28), 0U);
  EXPECT_EQ(read<std::uint32_t>(view, 0x30), 0U);
  EXPECT_EQ(device_.writes, 0);
}

TEST_F(ConfigFilterTest, StatusIsReadLiveAndNeverWritten) {
  ConfigFilter view = filter();
  device_.put<std::uint16_t>(0x06, 0x0008);
  EXPECT_EQ(read<std::uint16_t>(view, 0x06), 0x0008U);
  write<std::uint16_t>(view, 0x06, 0xffff);
  EXPECT_EQ(device_.get<std::uint16_t>(0x06), 0x0008U);
}

TEST_F(ConfigFilterTest, PinIsThereWhereThereIsAnInterrupt) {
  device_.put<std::uint8_t>(0x3d, 3);
  EXPECT_EQ(read<std::uint8_t>(filter(), 0x3d), 0U);
  EXPECT_EQ(read<std::uint8_t>(filter(ConfigFilter::Pin::kA), 0x3d), 1U);
}

TEST_F(ConfigFilterTest, CapabilitiesNotInTheTableLeaveTheList) {
  device_.add_capability(0x40, 0x03);  // VPD
  device_.add_capability(0x50, kCapPower);
  device_.add_capability(0x60, 0x13);  // advanced features, with a reset
  device_.add_capability(0x70, kCapMsi);
  const ConfigFilter view = filter();
  EXPECT_EQ(list(view), (List{{0x70, kCapMsi}, {0x50, kCapPower}}));
  EXPECT_EQ(read<std::uint32_t>(view, 0x60), 0U);
}

TEST_F(ConfigFilterTest, NoKnownCapabilityMeansNoList) {
  device_.add_capability(0x40, 0x03);
  EXPECT_EQ(list(filter()), List{});
  EXPECT_EQ(read<std::uint8_t>(filter(), 0x34), 0U);
  EXPECT_EQ(read<std::uint16_t>(filter(), 0x06), 0U);
}

TEST_F(ConfigFilterTest, ListThatGoesInCirclesEnds) {
  device_.add_capability(0x40, kCapPower);
  device_.add_capability(0x50, kCapMsi);
  device_.put<std::uint8_t>(0x41, 0x50);
  EXPECT_EQ(list(filter()), (List{{0x50, kCapMsi}, {0x40, kCapPower}}));
}

TEST_F(ConfigFilterTest, CapabilityWithoutRoomIsLeftOut) {
  device_.add_capability(0xfc, kCapMsix);
  device_.add_capability(0xf8, kCapPower);
  const ConfigFilter view = filter();
  EXPECT_EQ(list(view), List{});
  EXPECT_FALSE(view.msix().has_value());
}

TEST_F(ConfigFilterTest, PowerStateIsTheGuestsAlone) {
  device_.add_capability(0x40, kCapPower);
  device_.put<std::uint16_t>(0x42, 0xc803);  // with PME
  ConfigFilter view = filter();
  write<std::uint16_t>(view, 0x44, 0x8103);
  EXPECT_EQ(read<std::uint16_t>(view, 0x42), 3U);
  EXPECT_EQ(read<std::uint16_t>(view, 0x44), 0x000bU);
  EXPECT_EQ(device_.writes, 0);
}

TEST_F(ConfigFilterTest, MsiHasNoMasksAndStartsOff) {
  device_.add_capability(0x40, kCapMsi);
  device_.put<std::uint16_t>(0x42, 0x018b);  // masks, 64 bits, 32 messages, on
  ConfigFilter view = filter();
  EXPECT_EQ(view.msi(), 0x40);
  EXPECT_EQ(read<std::uint16_t>(view, 0x42), 0x008aU);
  write<std::uint16_t>(view, 0x42, 0xffff);
  EXPECT_EQ(read<std::uint16_t>(view, 0x42), 0x00fbU);
  EXPECT_EQ(device_.writes, 0);
}

TEST_F(ConfigFilterTest, MsixKeepsItsPlaceAndStartsOff) {
  device_.add_capability(0x40, kCapMsix);
  device_.put<std::uint16_t>(0x42, 0xc007);
  device_.put<std::uint32_t>(0x44, 0x2000);
  ConfigFilter view = filter();
  EXPECT_EQ(view.msix(), 0x40);
  EXPECT_EQ(read<std::uint16_t>(view, 0x42), 7U);
  write<std::uint32_t>(view, 0x44, 0);
  EXPECT_EQ(read<std::uint32_t>(view, 0x44), 0x2000U);
}

TEST_F(ConfigFilterTest, VendorCapabilityPassesBothWaysWithinItsLength) {
  device_.add_capability(0x40, kCapVendor);
  device_.put<std::uint8_t>(0x42, 8);
  ConfigFilter view = filter();
  device_.put<std::uint32_t>(0x44, 0xabcd);
  EXPECT_EQ(read<std::uint32_t>(view, 0x44), 0xabcdU);
  write<std::uint32_t>(view, 0x44, 0x1234);
  EXPECT_EQ(device_.get<std::uint32_t>(0x44), 0x1234U);
  write<std::uint32_t>(view, 0x48, 0x1234);
  EXPECT_EQ(device_.get<std::uint32_t>(0x48), 0U);
}

TEST_F(ConfigFilterTest, VendorCapabilityThatCoversAnotherIsLeftOut) {
  device_.add_capability(0x50, kCapMsix);
  device_.add_capability(0x40, kCapVendor);
  device_.put<std::uint8_t>(0x42, 0x40);
  ConfigFilter view = filter();
  EXPECT_EQ(list(view), (List{{0x50, kCapMsix}}));
  write<std::uint16_t>(view, 0x52, 0xffff);
  EXPECT_EQ(device_.get<std::uint16_t>(0x52), 0U);
}

TEST_F(ConfigFilterTest, ExpressIsARootEndpointWithoutResetAndLink) {
  device_.add_capability(0x40, kCapExpress);
  device_.put<std::uint16_t>(0x42, 0x0002);
  device_.put<std::uint32_t>(0x44, 0x10008fc2);
  device_.put<std::uint32_t>(0x4c, 0x00400843);
  ConfigFilter view = filter();
  EXPECT_EQ(read<std::uint16_t>(view, 0x42), 0x0092U);
  EXPECT_EQ(read<std::uint32_t>(view, 0x44), 0x00008fc2U);
  EXPECT_EQ(read<std::uint32_t>(view, 0x4c), 0U);
  write<std::uint16_t>(view, 0x48, 0xd810);
  EXPECT_EQ(device_.get<std::uint16_t>(0x48), 0x5810U);
}

TEST_F(ConfigFilterTest, ExtendedListKeepsSerialNumberAndVendorOnly) {
  device_.put<std::uint32_t>(0x100, 0x14020001);  // error reporting
  device_.put<std::uint32_t>(0x140, 0x16010003);  // serial number
  device_.put<std::uint64_t>(0x144, 0x1122334455667788);
  device_.put<std::uint32_t>(0x160, 0x1801000b);  // vendor
  device_.put<std::uint32_t>(0x164, 0x00c00001);
  device_.put<std::uint32_t>(0x168, 0xcafe);
  device_.put<std::uint32_t>(0x180, 0x00010010);  // SR-IOV
  ConfigFilter view = filter();
  EXPECT_EQ(read<std::uint32_t>(view, 0x100), 0x1400ffffU);
  EXPECT_EQ(read<std::uint32_t>(view, 0x140), 0x16010003U);
  EXPECT_EQ(read<std::uint64_t>(view, 0x144), 0x1122334455667788U);
  EXPECT_EQ(read<std::uint32_t>(view, 0x160), 0x0001000bU);
  EXPECT_EQ(read<std::uint32_t>(view, 0x168), 0xcafeU);
  EXPECT_EQ(read<std::uint32_t>(view, 0x180), 0U);
  write<std::uint32_t>(view, 0x168, 0);
  EXPECT_EQ(device_.get<std::uint32_t>(0x168), 0xcafeU);
}

TEST_F(ConfigFilterTest, ExtendedSpaceWhoseListIsEmptyIsNotThere) {
  device_.put<std::uint32_t>(0x100, 0x00020001);  // error reporting
  const ConfigFilter view = filter();
  EXPECT_EQ(read<std::uint32_t>(view, 0x100), ~0U);
  EXPECT_EQ(read<std::uint32_t>(view, 0xffc), ~0U);
  device_.put<std::uint8_t>(0xff, 0x55);
  EXPECT_EQ(read<std::uint32_t>(view, 0xff), 0xffffff00U) << "masked below, absent above";
}

TEST_F(ConfigFilterTest, AccessesAtTheEndStayInside) {
  device_.put<std::uint32_t>(0x100, 0x00010003);  // serial number
  ConfigFilter view = filter();
  write<std::uint64_t>(view, 0xffc, ~0ULL);
  write<std::uint64_t>(view, 0xfc, ~0ULL);
  EXPECT_EQ(read<std::uint32_t>(view, 0xffc), 0U);
  EXPECT_EQ(read<std::uint64_t>(view, 0xfc), 0x0001000300000000U)
      << "nothing, and the serial number's header";
}

}  // namespace
}  // namespace mayfly::vfio
