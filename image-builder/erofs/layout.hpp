// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "image-builder/erofs/disk_format.hpp"
#include "image-builder/tree/tree.hpp"

namespace mayfly::image::erofs {

/// A regular file at least this large begins at a multiple of it, so that the guest's DAX maps it by PMD
/// entries.
inline constexpr std::uint64_t kHugePageBytes = std::uint64_t{2} << 20U;

/// Only a regular file up to this size lies inline. The kernel gives DAX to flat-plain files alone
/// (fs/erofs/inode.c, S_DAX), so inline data costs the guest a page of memory and a copy; a block of its own
/// costs the image 4 KiB.
inline constexpr std::uint64_t kInlineFileBytesMax = 1024;

/// Where one inode lies and in which form.
struct InodePlace {
  NodeId node = 0;
  InodeForm form = InodeForm::kExtended;
  DataLayout layout = DataLayout::kFlatPlain;
  std::uint32_t number = 0;  ///< st_ino of 32-bit programs.
  std::uint32_t links = 0;
  std::uint32_t inline_bytes = 0;
  std::uint64_t size = 0;
  std::uint64_t offset = 0;  ///< In the image; a multiple of kSlotBytes.
  std::uint32_t block = 0;   ///< First block of the data outside of the inode.
};

/// Where everything lies: metadata first (inodes, then directory blocks), then the data of regular files.
struct Layout {
  Timestamp build_time;
  std::vector<InodePlace> inodes;   ///< By ascending offset, the root first.
  std::vector<std::uint64_t> nids;  ///< Indexed by NodeId.
  std::uint64_t blocks = 0;         ///< Size of the file system.
};

/// Places all of `tree`; depends on names, attributes and sizes only. Throws InputError beyond 16 TiB.
[[nodiscard]] Layout plan_layout(const Tree& tree);

}  // namespace mayfly::image::erofs
