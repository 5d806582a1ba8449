// SPDX-License-Identifier: Apache-2.0
#include "image-builder/erofs/writer.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include <unistd.h>

#include "host/base/error.hpp"
#include "image-builder/erofs/encode.hpp"
#include "image-builder/erofs/layout.hpp"
#include "image-builder/format/sha256.hpp"
#include "image-builder/io/file_io.hpp"
#include "image-builder/io/interrupt.hpp"
#include "image-builder/tree/path.hpp"

namespace mayfly::image::erofs {
namespace {

class Writer {
 public:
  Writer(const Tree& tree, const Contents& contents, int fd, const std::string& name, Progress& progress)
      : tree_(tree),
        contents_(contents),
        fd_(fd),
        name_(name),
        progress_(progress),
        layout_(plan_layout(tree)) {}

  std::uint64_t write();

 private:
  void write_inode(const InodePlace& place);
  Bytes encode_inode(const InodePlace& place) const;
  Bytes symlink_or_directory(const InodePlace& place) const;
  void add_inline(const InodePlace& place, std::span<const std::byte> contents);
  void flush();
  void write_files();
  void write_file(const InodePlace& place);
  void write_superblock();

  const Tree& tree_;
  const Contents& contents_;
  int fd_;
  const std::string& name_;
  Progress& progress_;
  Layout layout_;
  Sha256 metadata_hash_;
  Bytes pending_;                    // inodes that follow each other, not yet written
  std::uint64_t pending_begin_ = 0;  // their place
  Bytes piece_ = Bytes(kPieceBytes);
  std::uint64_t files_bytes_ = 0;
};

// Block address, or device number, of the inode.
std::uint32_t block_field(const InodePlace& place, const Node& node) {
  const auto* special = std::get_if<Special>(&node.kind);
  return special == nullptr ? place.block : device_number(*special);
}

Bytes Writer::encode_inode(const InodePlace& place) const {
  const Node& node = tree_.node(place.node);
  const Attributes& attributes = node.attributes;
  const Bytes xattrs = encode_xattrs(attributes.xattrs);
  const auto xattr_count = static_cast<std::uint16_t>(
      xattrs.empty() ? 0 : 1 + (xattrs.size() - sizeof(XattrHeader)) / sizeof(std::uint32_t));
  Bytes out;
  if (place.form == InodeForm::kCompact) {
    CompactInode inode{};
    inode.format = inode_format(place.form, place.layout);
    inode.xattr_count = xattr_count;
    inode.mode = file_mode(node);
    inode.links = static_cast<std::uint16_t>(place.links);
    inode.size = static_cast<std::uint32_t>(place.size);
    inode.block = block_field(place, node);
    inode.number = place.number;
    inode.uid = static_cast<std::uint16_t>(attributes.uid);
    inode.gid = static_cast<std::uint16_t>(attributes.gid);
    append(out, inode);
  } else {
    ExtendedInode inode{};
    inode.format = inode_format(place.form, place.layout);
    inode.xattr_count = xattr_count;
    inode.mode = file_mode(node);
    inode.size = place.size;
    inode.block = block_field(place, node);
    inode.number = place.number;
    inode.uid = attributes.uid;
    inode.gid = attributes.gid;
    inode.mtime = static_cast<std::uint64_t>(attributes.mtime.seconds);
    inode.mtime_nanoseconds = attributes.mtime.nanoseconds;
    inode.links = place.links;
    append(out, inode);
  }
  out.insert(out.end(), xattrs.begin(), xattrs.end());
  return out;
}

Bytes Writer::symlink_or_directory(const InodePlace& place) const {
  const Node& node = tree_.node(place.node);
  if (std::holds_alternative<Directory>(node.kind)) {
    return encode_directory(directory_names(tree_, place.node, layout_.nids));
  }
  const auto* symlink = std::get_if<Symlink>(&node.kind);
  if (symlink == nullptr) {
    return {};
  }
  const auto target = std::as_bytes(std::span(symlink->target));
  return {target.begin(), target.end()};
}

void Writer::write_inode(const InodePlace& place) {
  check_interrupt();
  const Bytes head = encode_inode(place);
  if (pending_begin_ + pending_.size() + kBlockBytes < place.offset || pending_.size() >= kPieceBytes) {
    flush();
    pending_begin_ = place.offset;
  }
  pending_.resize(place.offset - pending_begin_);
  pending_.insert(pending_.end(), head.begin(), head.end());
  if (const auto* file = std::get_if<Regular>(&tree_.node(place.node).kind)) {
    if (place.inline_bytes != 0) {
      const std::size_t at = pending_.size();
      pending_.resize(at + place.inline_bytes);
      contents_.open(*file).read(0, std::span(pending_).subspan(at));
    }
    return;
  }
  const Bytes contents = symlink_or_directory(place);
  const std::span<const std::byte> outside = std::span(contents).first(contents.size() - place.inline_bytes);
  const std::span<const std::byte> tail = std::span(contents).last(place.inline_bytes);
  pending_.insert(pending_.end(), tail.begin(), tail.end());
  metadata_hash_.update(outside);
  write_sparse(fd_, place.block * kBlockBytes, outside, name_);
}

void Writer::flush() {
  metadata_hash_.update(pending_);
  write_sparse(fd_, pending_begin_, pending_, name_);
  pending_.clear();
}

void Writer::write_file(const InodePlace& place) {
  const FileReader reader = contents_.open(std::get<Regular>(tree_.node(place.node).kind));
  for (std::uint64_t at = 0; at < place.size;) {
    const auto piece = std::span(piece_).first(std::min<std::uint64_t>(piece_.size(), place.size - at));
    reader.read(at, piece);
    write_sparse(fd_, place.block * kBlockBytes + at, piece, name_);
    at += piece.size();
    files_bytes_ += piece.size();
    progress_.update(files_bytes_);
  }
}

void Writer::write_files() {
  std::vector<const InodePlace*> files;
  std::uint64_t total = 0;
  for (const InodePlace& place : layout_.inodes) {
    if (std::holds_alternative<Regular>(tree_.node(place.node).kind) && place.inline_bytes == 0) {
      files.push_back(&place);
      total += place.size;
    }
  }
  progress_.begin("writing", total);
  std::sort(files.begin(), files.end(),
            [](const InodePlace* a, const InodePlace* b) { return a->block < b->block; });
  for (const InodePlace* place : files) {
    write_file(*place);
  }
}

void Writer::write_superblock() {
  Superblock superblock{};
  superblock.magic = kSuperblockMagic;
  superblock.feature_compat = kCompatChecksum | kCompatMtime;
  superblock.block_bits = kBlockBits;
  superblock.root_nid = static_cast<std::uint16_t>(layout_.nids[Tree::kRoot]);
  superblock.inodes = layout_.inodes.size();
  superblock.build_time = static_cast<std::uint64_t>(layout_.build_time.seconds);
  superblock.build_nanoseconds = layout_.build_time.nanoseconds;
  superblock.blocks = static_cast<std::uint32_t>(layout_.blocks);
  const Digest digest = metadata_hash_.finish();
  std::copy_n(digest.begin(), superblock.uuid.size(), superblock.uuid.begin());
  superblock.uuid[6] =
      static_cast<std::uint8_t>((superblock.uuid[6] & 0x0FU) | 0x80U);  // RFC 9562, version 8
  superblock.uuid[8] = static_cast<std::uint8_t>((superblock.uuid[8] & 0x3FU) | 0x80U);
  std::array<std::byte, kBlockBytes - kSuperblockOffset> block{};
  std::memcpy(block.data(), &superblock, sizeof(superblock));
  superblock.checksum = crc32c(~0U, block);
  std::memcpy(block.data(), &superblock, sizeof(superblock));
  write_sparse(fd_, kSuperblockOffset, block, name_);
}

std::uint64_t Writer::write() {
  const std::uint64_t bytes = layout_.blocks * kBlockBytes;
  if (::ftruncate(fd_, static_cast<off_t>(bytes)) != 0) {
    fail_errno("cannot write " + in_quotes(name_));
  }
  for (const InodePlace& place : layout_.inodes) {
    write_inode(place);
  }
  flush();
  write_files();
  write_superblock();
  return bytes;
}

}  // namespace

std::uint64_t write_erofs(const Tree& tree, const Contents& contents, int fd, const std::string& name,
                          Progress& progress) {
  return Writer(tree, contents, fd, name, progress).write();
}

}  // namespace mayfly::image::erofs
