// SPDX-License-Identifier: Apache-2.0
#include "image-builder/erofs/layout.hpp"

#include <algorithm>
#include <map>

#include <gtest/gtest.h>

#include "host/base/checked.hpp"
#include "image-builder/erofs/data_blocks.hpp"
#include "image-builder/erofs/slots.hpp"
#include "image-builder/tree/path.hpp"

namespace mayfly::image::erofs {
namespace {

constexpr std::uint64_t kHugePageBlocks = kHugePageBytes / kBlockBytes;

Node file(std::uint64_t bytes) { return {{}, Regular{bytes, SpoolExtent{}}}; }

InodePlace place_of(const Layout& layout, const Tree& tree, std::string_view path) {
  const NodeId id = *tree.find(path);
  return *std::find_if(layout.inodes.begin(), layout.inodes.end(),
                       [&](const InodePlace& place) { return place.node == id; });
}

// Fails the test when two extents overlap or one begins before `begin`.
void expect_disjoint(std::uint64_t begin, std::vector<DataExtent> extents) {
  std::sort(extents.begin(), extents.end(),
            [](const DataExtent& a, const DataExtent& b) { return a.first < b.first; });
  for (const DataExtent& extent : extents) {
    EXPECT_GE(extent.first, begin);
    begin = extent.first + extent.blocks;
  }
}

TEST(DataBlocks, LargeFilesAreAlignedAndSmallOnesFillTheHoles) {
  std::vector<DataExtent> extents = {
      {kHugePageBlocks, 0}, {600, 0}, {1, 0}, {500, 0}, {20, 0}, {512, 0}, {3, 0}};
  const std::uint64_t end = place_data(5, extents);
  expect_disjoint(5, extents);
  for (const DataExtent& extent : extents) {
    if (extent.blocks >= kHugePageBlocks) {
      EXPECT_EQ(extent.first % kHugePageBlocks, 0U);
    }
  }
  EXPECT_EQ(extents[2].first, 5U) << "the first small file begins the first hole";
  EXPECT_EQ(extents[3].first, 6U);
  EXPECT_EQ(end, 512 + 512 + 1024 + 512U) << "no small file lies behind the last large one";
}

TEST(DataBlocks, OfThoseThatFitTheLargestFillsAHole) {
  std::vector<DataExtent> extents = {{100, 0}, {2, 0}, {7, 0}, {9, 0}, {kHugePageBlocks, 0}};
  static_cast<void>(place_data(kHugePageBlocks - 10, extents));
  EXPECT_EQ(extents[3].first, kHugePageBlocks - 10);
  EXPECT_EQ(extents[0].first, 2 * kHugePageBlocks);
  expect_disjoint(kHugePageBlocks - 10, extents);
}

TEST(DataBlocks, SmallFilesAloneAreContiguousInTheirOrder) {
  std::vector<DataExtent> extents = {{4, 0}, {1, 0}, {9, 0}};
  EXPECT_EQ(place_data(100, extents), 114U);
  EXPECT_EQ(extents[0].first, 100U);
  EXPECT_EQ(extents[1].first, 104U);
  EXPECT_EQ(extents[2].first, 105U);
}

TEST(Slots, WhatFitsIntoABlockNeverCrossesItsBorder) {
  SlotAllocator slots(kBlockBytes);
  std::map<std::uint64_t, std::uint64_t> taken;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    const std::uint64_t bytes = 32 + i * 397 % 4065;
    const std::uint64_t offset = slots.allocate(bytes);
    EXPECT_EQ(offset % kSlotBytes, 0U);
    EXPECT_EQ(offset / kBlockBytes, (offset + bytes - 1) / kBlockBytes);
    EXPECT_TRUE(taken.emplace(offset, bytes).second);
  }
  std::uint64_t end = kBlockBytes;
  for (const auto& [offset, bytes] : taken) {
    EXPECT_GE(offset, end);
    end = offset + bytes;
  }
  EXPECT_LE(end, slots.end());
}

TEST(Slots, LargerOnesBeginABlock) {
  SlotAllocator slots(kBlockBytes);
  static_cast<void>(slots.allocate(64));
  EXPECT_EQ(slots.allocate(9000), 2 * kBlockBytes);
  EXPECT_EQ(slots.end(), 5 * kBlockBytes);
}

TEST(Layout, RootLiesWhereSixteenBitsReachIt) {
  Tree tree;
  for (int i = 0; i < 3000; ++i) {
    tree.add("d" + std::to_string(i), {{}, Directory{}});
  }
  const Layout layout = plan_layout(tree);
  EXPECT_EQ(layout.nids[Tree::kRoot], kBlockBytes / kSlotBytes);
  EXPECT_EQ(layout.inodes.front().node, Tree::kRoot);
}

TEST(Layout, FilesOfTwoMebibytesAreAligned) {
  Tree tree;
  tree.add("small", file(5000));
  tree.add("exact", file(kHugePageBytes));
  tree.add("large", file(kHugePageBytes + 1));
  tree.add("nearly", file(kHugePageBytes - kBlockBytes));
  const Layout layout = plan_layout(tree);
  EXPECT_EQ(place_of(layout, tree, "exact").block % kHugePageBlocks, 0U);
  EXPECT_EQ(place_of(layout, tree, "large").block % kHugePageBlocks, 0U);
  EXPECT_NE(place_of(layout, tree, "nearly").block % kHugePageBlocks, 0U);
}

TEST(Layout, FilesAreFlatPlainSoThatTheKernelGivesThemDax) {
  Tree tree;
  tree.add("empty", file(0));
  tree.add("tiny", file(kInlineFileBytesMax));
  tree.add("small", file(kInlineFileBytesMax + 1));
  tree.add("tail", file(kBlockBytes + 1));
  const Layout layout = plan_layout(tree);
  EXPECT_EQ(place_of(layout, tree, "empty").layout, DataLayout::kFlatPlain);
  EXPECT_EQ(place_of(layout, tree, "tiny").layout, DataLayout::kFlatInline);
  EXPECT_EQ(place_of(layout, tree, "small").layout, DataLayout::kFlatPlain);
  EXPECT_EQ(place_of(layout, tree, "tail").layout, DataLayout::kFlatPlain);
}

TEST(Layout, SymbolicLinksLieInlineUnlessTheyDoNotFit) {
  Tree tree;
  tree.add("short", {{}, Symlink{"target"}});
  tree.add("long", {{}, Symlink{std::string(4090, 't')}});
  const Layout layout = plan_layout(tree);
  EXPECT_EQ(place_of(layout, tree, "short").layout, DataLayout::kFlatInline);
  EXPECT_EQ(place_of(layout, tree, "long").layout, DataLayout::kFlatPlain);
  EXPECT_NE(place_of(layout, tree, "long").block, 0U);
}

TEST(Layout, CompactInodesHoldOnlyWhatFits) {
  Tree tree;
  const auto add = [&](const char* name, std::uint32_t uid, Timestamp mtime) {
    Node node = file(1);
    node.attributes.uid = uid;
    node.attributes.mtime = mtime;
    tree.add(name, node);
  };
  add("newest", 65535, {9, 9});
  add("older", 0, {9, 8});
  add("high", 65536, {9, 9});
  const Layout layout = plan_layout(tree);
  EXPECT_EQ(place_of(layout, tree, "newest").form, InodeForm::kCompact);
  EXPECT_EQ(place_of(layout, tree, "older").form, InodeForm::kExtended);
  EXPECT_EQ(place_of(layout, tree, "high").form, InodeForm::kExtended);
}

TEST(Layout, MoreThanErofsCanAddressIsRefused) {
  Tree tree;
  tree.add("a", file(std::uint64_t{1} << 44U));
  EXPECT_THROW(static_cast<void>(plan_layout(tree)), InputError);
}

}  // namespace
}  // namespace mayfly::image::erofs
