// SPDX-License-Identifier: Apache-2.0
#include "image-builder/erofs/data_blocks.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "host/base/checked.hpp"
#include "image-builder/erofs/layout.hpp"

namespace mayfly::image::erofs {
namespace {

constexpr std::uint64_t kHugePageBlocks = kHugePageBytes / kBlockBytes;

// The extents that still need a place, by order and by size.
class SmallExtents {
 public:
  explicit SmallExtents(std::span<DataExtent> extents) : extents_(extents) {
    for (std::size_t i = 0; i < extents.size(); ++i) {
      if (extents[i].blocks < kHugePageBlocks) {
        by_size_.emplace(extents[i].blocks, extents.size() - i);
      }
    }
  }

  // Fills [at, end) as far as possible; returns where the rest begins.
  std::uint64_t fill(std::uint64_t at, std::uint64_t end) {
    while (!by_size_.empty()) {
      skip_placed();
      if (extents_[next_].blocks <= end - at) {
        at = take(next_, at);
        continue;
      }
      const auto larger = by_size_.upper_bound({end - at, extents_.size()});
      if (larger == by_size_.begin()) {
        break;
      }
      at = take(extents_.size() - std::prev(larger)->second, at);
    }
    return at;
  }

 private:
  void skip_placed() {
    while (by_size_.count({extents_[next_].blocks, extents_.size() - next_}) == 0) {
      ++next_;
    }
  }

  std::uint64_t take(std::size_t index, std::uint64_t at) {
    by_size_.erase({extents_[index].blocks, extents_.size() - index});
    extents_[index].first = at;
    return at + extents_[index].blocks;
  }

  std::span<DataExtent> extents_;
  std::size_t next_ = 0;
  // Of several of one size the first in order stands last, where upper_bound() leads.
  std::set<std::pair<std::uint64_t, std::size_t>> by_size_;
};

}  // namespace

std::uint64_t place_data(std::uint64_t begin, std::span<DataExtent> extents) {
  SmallExtents small(extents);
  std::uint64_t at = begin;
  for (DataExtent& extent : extents) {
    if (extent.blocks >= kHugePageBlocks) {
      extent.first = align_up(at, kHugePageBlocks);
      static_cast<void>(small.fill(at, extent.first));
      at = extent.first + extent.blocks;
    }
  }
  return small.fill(at, UINT64_MAX);
}

}  // namespace mayfly::image::erofs
