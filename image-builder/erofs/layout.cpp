// SPDX-License-Identifier: Apache-2.0
#include "image-builder/erofs/layout.hpp"

#include <algorithm>
#include <limits>

#include "host/base/checked.hpp"
#include "image-builder/erofs/data_blocks.hpp"
#include "image-builder/erofs/encode.hpp"
#include "image-builder/erofs/slots.hpp"
#include "image-builder/tree/path.hpp"

namespace mayfly::image::erofs {
namespace {

std::uint64_t size_of(const Tree& tree, NodeId id, std::span<const std::uint64_t> nids) {
  const Node& node = tree.node(id);
  if (std::holds_alternative<Directory>(node.kind)) {
    return directory_bytes(directory_names(tree, id, nids));
  }
  if (const auto* file = std::get_if<Regular>(&node.kind)) {
    return file->bytes;
  }
  const auto* symlink = std::get_if<Symlink>(&node.kind);
  return symlink == nullptr ? 0 : symlink->target.size();
}

InodeForm form_of(const InodePlace& place, const Attributes& attributes, Timestamp build_time) {
  constexpr std::uint64_t kShort = std::numeric_limits<std::uint16_t>::max();
  const bool fits = attributes.mtime == build_time && attributes.uid <= kShort && attributes.gid <= kShort &&
                    place.links <= kShort && place.size <= std::numeric_limits<std::uint32_t>::max();
  return fits ? InodeForm::kCompact : InodeForm::kExtended;
}

std::uint64_t head_bytes(const InodePlace& place, const Attributes& attributes) {
  return (place.form == InodeForm::kCompact ? sizeof(CompactInode) : sizeof(ExtendedInode)) +
         xattr_bytes(attributes.xattrs);
}

// Decides what of the file lies behind its inode: the tail of a directory or symbolic link, a tiny file
// whole.
void choose_layout(InodePlace& place, const Node& node) {
  const bool regular = std::holds_alternative<Regular>(node.kind);
  const std::uint64_t tail = place.size % kBlockBytes;
  if (tail == 0 || (regular && place.size > kInlineFileBytesMax) ||
      head_bytes(place, node.attributes) + tail > kBlockBytes) {
    return;
  }
  place.layout = DataLayout::kFlatInline;
  place.inline_bytes = static_cast<std::uint32_t>(tail);
}

std::uint64_t outside_blocks(const InodePlace& place) {
  return align_up(place.size - place.inline_bytes, kBlockBytes) / kBlockBytes;
}

// Places the inodes; returns the end of their area.
std::uint64_t place_inodes(const Tree& tree, Layout& layout) {
  const std::vector<std::uint32_t> links = count_links(tree);
  SlotAllocator slots(kBlockBytes);  // block 0 holds the Mayfly header and the superblock
  std::uint32_t number = 0;
  for (const NodeId id : tree.walk()) {
    const Node& node = tree.node(id);
    InodePlace place;
    place.node = id;
    place.number = ++number;
    place.links = links[id];
    place.size = size_of(tree, id, layout.nids);
    place.form = form_of(place, node.attributes, layout.build_time);
    choose_layout(place, node);
    place.offset = slots.allocate(head_bytes(place, node.attributes) + place.inline_bytes);
    layout.nids[id] = place.offset / kSlotBytes;
    layout.inodes.push_back(place);
  }
  return slots.end();
}

std::uint32_t checked_block(std::uint64_t block) {
  if (block > std::numeric_limits<std::uint32_t>::max()) {
    throw InputError("input is larger than the 16 TiB that an EROFS image can hold");
  }
  return static_cast<std::uint32_t>(block);
}

// Places what lies outside of the inodes from block `at` on; returns the end.
std::uint64_t place_blocks(const Tree& tree, Layout& layout, std::uint64_t at) {
  std::vector<DataExtent> files;
  std::vector<InodePlace*> owners;
  for (InodePlace& place : layout.inodes) {
    const std::uint64_t blocks = outside_blocks(place);
    if (blocks == 0) {
      continue;
    }
    if (std::holds_alternative<Regular>(tree.node(place.node).kind)) {
      files.push_back({blocks, 0});
      owners.push_back(&place);
    } else {
      place.block = checked_block(at);
      at += blocks;
    }
  }
  at = place_data(at, files);
  static_cast<void>(checked_block(at));
  for (std::size_t i = 0; i < files.size(); ++i) {
    owners[i]->block = static_cast<std::uint32_t>(files[i].first);
  }
  return at;
}

}  // namespace

Layout plan_layout(const Tree& tree) {
  Layout layout;
  layout.build_time = tree.newest();
  layout.nids.resize(tree.size());
  const std::uint64_t end = place_inodes(tree, layout);
  layout.blocks = place_blocks(tree, layout, end / kBlockBytes);
  std::sort(layout.inodes.begin(), layout.inodes.end(),
            [](const InodePlace& a, const InodePlace& b) { return a.offset < b.offset; });
  return layout;
}

}  // namespace mayfly::image::erofs
