// SPDX-License-Identifier: Apache-2.0
#include "image-builder/ext4/writer.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include <unistd.h>

#include "host/base/checked.hpp"
#include "host/base/error.hpp"
#include "image-builder/ext4/file_system.hpp"
#include "image-builder/io/file_io.hpp"
#include "image-builder/io/interrupt.hpp"
#include "image-builder/tree/mode.hpp"
#include "image-builder/tree/path.hpp"

namespace mayfly::image::ext4 {
namespace {

constexpr ext2_ino_t kLostAndFound = EXT2_GOOD_OLD_FIRST_INO;
constexpr std::uint64_t kInodesPerBlock = 16;
constexpr std::uint64_t kSpareBlocks = 512;
constexpr std::uint64_t kBlocksMax = std::uint64_t{1}
                                     << 31U;  // without the 64bit feature, with room to spare

class Writer {
 public:
  Writer(const Tree& tree, const Contents& contents, const std::string& name, Progress& progress)
      : tree_(tree),
        contents_(contents),
        name_(name),
        progress_(progress),
        order_(tree.walk()),
        inos_(tree.size()) {}

  std::uint64_t write(int fd);

 private:
  [[nodiscard]] Size size() const;
  void add_children(FileSystemWriter& fs, NodeId directory);
  void make(FileSystemWriter& fs, NodeId parent, NodeId id);
  void write_file(FileSystemWriter& fs, const Regular& file, ext2_ino_t ino);
  void make_lost_and_found(FileSystemWriter& fs);

  const Tree& tree_;
  const Contents& contents_;
  const std::string& name_;
  Progress& progress_;
  std::vector<NodeId> order_;
  std::vector<ext2_ino_t> inos_;  // indexed by NodeId, 0 until made
  ext2_ino_t next_ino_ = kLostAndFound + 1;
  std::vector<std::byte> piece_ = std::vector<std::byte>(kPieceBytes / 16);
  std::uint64_t files_bytes_ = 0;
};

std::uint64_t blocks_of(const Node& node) {
  std::uint64_t blocks = node.attributes.xattrs.empty() ? 0 : 1;
  if (const auto* file = std::get_if<Regular>(&node.kind)) {
    blocks += align_up(file->bytes, kBlockBytes) / kBlockBytes;
  } else if (const auto* directory = std::get_if<Directory>(&node.kind)) {
    std::uint64_t bytes = kBlockBytes;
    for (const auto& [name, child] : directory->entries) {
      bytes += 16 + name.size();  // header and padding; a block's unused end is covered by the spare
    }
    blocks += 2 * bytes / kBlockBytes;
  } else if (std::holds_alternative<Symlink>(node.kind)) {
    blocks += 1;
  }
  return blocks;
}

// Enough for all files and for what ext4 needs itself: inode tables, bitmaps, extent blocks, backups of the
// superblock.
Size Writer::size() const {
  std::uint64_t blocks = 0;
  for (const NodeId id : order_) {
    blocks += blocks_of(tree_.node(id));
  }
  const std::uint64_t inodes = align_up(order_.size() + kLostAndFound + kInodesPerBlock, kInodesPerBlock);
  blocks += inodes / kInodesPerBlock;
  blocks += blocks / 64 + kSpareBlocks;
  if (blocks > kBlocksMax) {
    throw InputError("input is larger than the 8 TiB that an ext4 image can hold");
  }
  return {blocks, static_cast<std::uint32_t>(inodes)};
}

void Writer::make(FileSystemWriter& fs, NodeId parent, NodeId id) {
  const Node& node = tree_.node(id);
  const ext2_ino_t ino = next_ino_++;
  inos_[id] = ino;
  if (std::holds_alternative<Directory>(node.kind)) {
    fs.make_directory(inos_[parent], ino);
  } else if (const auto* symlink = std::get_if<Symlink>(&node.kind)) {
    fs.make_symlink(inos_[parent], ino, symlink->target);
  } else if (const auto* special = std::get_if<Special>(&node.kind)) {
    fs.make_special(ino, file_mode(node), *special);
  } else {
    fs.make_file(ino, file_mode(node));
    write_file(fs, std::get<Regular>(node.kind), ino);
  }
}

void Writer::write_file(FileSystemWriter& fs, const Regular& file, ext2_ino_t ino) {
  const FileReader reader = contents_.open(file);
  FileSystemWriter::File out = fs.open_file(ino);
  for (std::uint64_t at = 0; at < file.bytes;) {
    check_interrupt();
    const auto piece = std::span(piece_).first(std::min<std::uint64_t>(piece_.size(), file.bytes - at));
    reader.read(at, piece);
    if (!all_zero(piece)) {
      out.write(at, piece);
    }
    at += piece.size();
    files_bytes_ += piece.size();
    progress_.update(files_bytes_);
  }
  out.finish(file.bytes);
}

void Writer::add_children(FileSystemWriter& fs, NodeId directory) {
  for (const auto& [name, child] : std::get<Directory>(tree_.node(directory).kind).entries) {
    check_interrupt();
    if (inos_[child] == 0) {
      make(fs, directory, child);
    }
    fs.link(inos_[directory], name, inos_[child], static_cast<int>(file_type(tree_.node(child))));
  }
}

// e2fsck wants one.
void Writer::make_lost_and_found(FileSystemWriter& fs) {
  if (!tree_.find("lost+found").has_value()) {
    fs.make_directory(EXT2_ROOT_INO, kLostAndFound);
    fs.link(EXT2_ROOT_INO, "lost+found", kLostAndFound, EXT2_FT_DIR);
    Attributes attributes = tree_.node(Tree::kRoot).attributes;
    attributes.permissions = 0700;
    attributes.xattrs.clear();
    MAYFLY_ASSERT(fs.set_attributes(kLostAndFound, attributes, 2));
  }
}

std::uint64_t Writer::write(int fd) {
  const Size size = this->size();
  const std::uint64_t bytes = size.blocks * kBlockBytes;
  if (::ftruncate(fd, static_cast<off_t>(bytes)) != 0) {
    fail_errno("cannot write " + in_quotes(name_));
  }
  progress_.begin("writing", 0);
  FileSystemWriter fs(fd, name_, size, tree_.newest());
  inos_[Tree::kRoot] = EXT2_ROOT_INO;
  make_lost_and_found(fs);
  const std::vector<std::uint32_t> links = count_links(tree_);
  for (const NodeId id : order_) {
    if (std::holds_alternative<Directory>(tree_.node(id).kind)) {
      add_children(fs, id);
    }
  }
  const bool own = !tree_.find("lost+found").has_value();
  for (const NodeId id : order_) {
    const std::uint32_t more = own && id == Tree::kRoot ? 1 : 0;
    if (!fs.set_attributes(inos_[id], tree_.node(id).attributes, links[id] + more)) {
      throw InputError("input member " + in_quotes(tree_.path_of(id)) +
                       " has more names or extended attributes than ext4 can hold; use --fs erofs");
    }
  }
  fs.finish();
  return bytes;
}

}  // namespace

std::uint64_t write_ext4(const Tree& tree, const Contents& contents, int fd, const std::string& name,
                         Progress& progress) {
  return Writer(tree, contents, name, progress).write(fd);
}

}  // namespace mayfly::image::ext4
