// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "host/base/checked.hpp"
#include "image-builder/erofs/disk_format.hpp"

namespace mayfly::image::erofs {

/// Gives out room for inodes so that none that fits into a block crosses a block's border (inline data must
/// not, and an inode that does costs the kernel a copy). Keeps a few blocks with room left open.
class SlotAllocator {
 public:
  explicit SlotAllocator(std::uint64_t begin) : end_(begin) {}

  /// The offset of `bytes` bytes, a multiple of kSlotBytes; at a block's start if they are more than a block.
  [[nodiscard]] std::uint64_t allocate(std::uint64_t bytes) {
    const std::uint64_t need = align_up(bytes, kSlotBytes);
    auto* open =
        std::find_if(open_.begin(), open_.end(), [&](const Room& room) { return room.bytes >= need; });
    if (open == open_.end()) {
      const std::uint64_t fresh = align_up(need, kBlockBytes);
      open = std::min_element(open_.begin(), open_.end(),
                              [](const Room& a, const Room& b) { return a.bytes < b.bytes; });
      *open = {end_, fresh};
      end_ += fresh;
    }
    const std::uint64_t offset = open->offset;
    *open = {offset + need, open->bytes - need};
    return offset;
  }

  /// The end of the last block used.
  [[nodiscard]] std::uint64_t end() const { return end_; }

 private:
  struct Room {
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
  };
  std::array<Room, 8> open_{};
  std::uint64_t end_;
};

}  // namespace mayfly::image::erofs
