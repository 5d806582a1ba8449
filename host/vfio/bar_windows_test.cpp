// SPDX-License-Identifier: Apache-2.0
#include "vfio/bar_windows.hpp"

#include <cstring>

#include <gtest/gtest.h>

#include "testing/fake_guest_side.hpp"
#include "testing/fake_vfio_device.hpp"
#include "vfio/abi.hpp"
#include "vfio/region_capabilities.hpp"

namespace mayfly::vfio {
namespace {

using Areas = std::vector<Area>;

/// Remembers maps.
class FakeIommu final : public Iommu {
 public:
  [[nodiscard]] Result<void, IommuFault> map(GuestAddress at, std::byte* /*host*/, std::uint64_t bytes,
                                             Access /*access*/) noexcept override {
    maps[at.raw()] = bytes;
    return {};
  }
  [[nodiscard]] Result<void, IommuFault> unmap(GuestRange range) noexcept override {
    maps.erase(range.start.raw());
    return {};
  }
  [[nodiscard]] std::uint32_t max_entries() const noexcept override { return 1; }
  [[nodiscard]] std::uint32_t parallel_mappers() const noexcept override { return 1; }
  [[nodiscard]] std::string_view name() const noexcept override { return "fake"; }
  std::map<std::uint64_t, std::uint64_t> maps;
};

TEST(Trapped, PageOfTheTableIsCutOut) {
  const Trapped table{0, {0x2010, 0x20}};
  EXPECT_EQ(without({{0, 0x4000}}, 0, {&table, 1}), (Areas{{0, 0x2000}, {0x3000, 0x1000}}));
  EXPECT_EQ(without({{0, 0x4000}}, 1, {&table, 1}), (Areas{{0, 0x4000}}));
}

TEST(Trapped, AreaThatIsAllTableIsGone) {
  const Trapped table{0, {0, 0x1001}};
  EXPECT_EQ(without({{0, 0x2000}}, 0, {&table, 1}), Areas{});
}

class BarWindowsTest : public ::testing::Test {
 protected:
  BarWindowsTest() {
    device_.add_bar(0, 0x10000);
    device_.mappable[0] = {{0, 0x1000}, {0x8000, 0x8000}};
    bars_[0] = {0x10000, pci::BarWidth::k32};
  }
  testing::FakeVfioDevice device_;
  testing::FakeGuestSlots slots_;
  FakeIommu iommu_;
  std::array<pci::Bar, pci::kBarsMax> bars_{};
};

TEST_F(BarWindowsTest, SparseAreasAreMappedEachAtItsPlace) {
  BarWindows windows(device_, bars_, {}, slots_, nullptr);
  windows.update(0, 0xc0000000);
  ASSERT_EQ(slots_.full.size(), 2U);
  EXPECT_EQ(slots_.full[0], (GuestRange{GuestAddress(0xc0000000), 0x1000}));
  EXPECT_EQ(slots_.full[1], (GuestRange{GuestAddress(0xc0008000), 0x8000}));
}

TEST_F(BarWindowsTest, EndBeyondTheLastAddressIsNotMapped) {
  BarWindows windows(device_, bars_, {}, slots_, nullptr);
  windows.update(0, 0xffffffffffff8000);
  EXPECT_EQ(slots_.full.size(), 1U);
}

TEST_F(BarWindowsTest, PeersReachTheBarOnlyWhereAsked) {
  {
    BarWindows windows(device_, bars_, {}, slots_, nullptr);
    windows.update(0, 0xc0000000);
    EXPECT_TRUE(iommu_.maps.empty());
  }
  BarWindows windows(device_, bars_, {}, slots_, &iommu_);
  windows.update(0, 0xc0000000);
  EXPECT_EQ(iommu_.maps,
            (std::map<std::uint64_t, std::uint64_t>{{0xc0000000, 0x1000}, {0xc0008000, 0x8000}}));
  windows.update(0, 0xd0000000);
  EXPECT_EQ(iommu_.maps,
            (std::map<std::uint64_t, std::uint64_t>{{0xd0000000, 0x1000}, {0xd0008000, 0x8000}}));
}

TEST_F(BarWindowsTest, EndLeavesNoSlotAndNoMap) {
  {
    BarWindows windows(device_, bars_, {}, slots_, &iommu_);
    windows.update(0, 0xc0000000);
  }
  EXPECT_TRUE(slots_.full.empty());
  EXPECT_TRUE(iommu_.maps.empty());
}

/// A vfio_region_info with a list of areas behind it.
std::vector<std::byte> info_with(std::uint64_t size, const std::vector<vfio_region_sparse_mmap_area>& areas,
                                 std::uint32_t next = 0) {
  std::vector<std::byte> bytes(sizeof(vfio_region_info) + sizeof(vfio_region_info_cap_sparse_mmap) +
                               areas.size() * sizeof(vfio_region_sparse_mmap_area));
  vfio_region_info info{};
  info.flags = VFIO_REGION_INFO_FLAG_CAPS;
  info.cap_offset = sizeof(info);
  info.size = size;
  vfio_region_info_cap_sparse_mmap head;
  std::memset(&head, 0, sizeof(head));
  head.header.id = next == 0 ? VFIO_REGION_INFO_CAP_SPARSE_MMAP : VFIO_REGION_INFO_CAP_TYPE;
  head.header.next = next;
  head.nr_areas = static_cast<std::uint32_t>(areas.size());
  std::memcpy(bytes.data(), &info, sizeof(info));
  std::memcpy(bytes.data() + sizeof(info), &head, sizeof(head));
  for (std::size_t i = 0; i < areas.size(); ++i) {
    std::memcpy(bytes.data() + sizeof(info) + sizeof(head) + i * sizeof(areas[i]), &areas[i],
                sizeof(areas[i]));
  }
  return bytes;
}

TEST(MappableAreas, WholeRegionWhereNothingElseIsSaid) {
  vfio_region_info info{};
  info.size = 0x4000;
  EXPECT_EQ(mappable_areas(std::as_bytes(std::span(&info, 1))), (Areas{{0, 0x4000}}));
}

TEST(MappableAreas, OnlyWholePagesWithinTheRegionAscending) {
  EXPECT_EQ(
      mappable_areas(info_with(0x8000, {{0x100, 0x2000}, {0x1000, 0x1000}, {0x6000, 0x100000}, {~0ULL, 2}})),
      (Areas{{0x1000, 0x1000}, {0x6000, 0x2000}}));
}

TEST(MappableAreas, ChainInCirclesEnds) {
  EXPECT_EQ(mappable_areas(info_with(0x4000, {}, sizeof(vfio_region_info))), (Areas{{0, 0x4000}}));
}

TEST(MappableAreas, CountBeyondTheEndIsCut) {
  std::vector<std::byte> bytes = info_with(0x4000, {{0, 0x1000}});
  const std::uint32_t many = ~0U;
  std::memcpy(bytes.data() + sizeof(vfio_region_info) + sizeof(vfio_info_cap_header), &many, sizeof(many));
  EXPECT_EQ(mappable_areas(bytes), (Areas{{0, 0x1000}}));
}

}  // namespace
}  // namespace mayfly::vfio
