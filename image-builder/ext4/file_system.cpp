// SPDX-License-Identifier: Apache-2.0
#include "image-builder/ext4/file_system.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <et/com_err.h>
#include <utility>

#include <sys/stat.h>

#include "image-builder/tree/mode.hpp"
#include "image-builder/tree/path.hpp"

namespace mayfly::image::ext4 {
namespace {

// Nobody needs to tell two of these file systems apart by UUID: a guest has one. The seed is of directory
// hashes.
constexpr std::array<std::uint8_t, 16> kUuid = {0x6d, 0x61, 0x79, 0x66, 0x6c, 0x79, 0x80, 0x00,
                                                0x80, 0x00, 0x65, 0x78, 0x74, 0x34, 0x00, 0x01};
constexpr std::uint32_t kInodeBytes = 256;
constexpr std::uint32_t kLinksMax = 65000;  // EXT4_LINK_MAX; a directory beyond it counts 1

ext2_super_block parameters(Size size) {
  ext2_super_block super{};
  super.s_rev_level = EXT2_DYNAMIC_REV;
  super.s_log_block_size = 2;  // 1024 << 2
  super.s_log_cluster_size = 2;
  super.s_inode_size = kInodeBytes;
  super.s_inodes_count = size.inodes;
  super.s_feature_compat = EXT2_FEATURE_COMPAT_EXT_ATTR;
  super.s_feature_incompat = EXT2_FEATURE_INCOMPAT_FILETYPE | EXT3_FEATURE_INCOMPAT_EXTENTS;
  super.s_feature_ro_compat = EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER | EXT2_FEATURE_RO_COMPAT_LARGE_FILE |
                              EXT4_FEATURE_RO_COMPAT_HUGE_FILE | EXT4_FEATURE_RO_COMPAT_DIR_NLINK |
                              EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE;
  super.s_blocks_count = static_cast<std::uint32_t>(size.blocks);
  return super;
}

std::uint32_t seconds_field(Timestamp time) { return static_cast<std::uint32_t>(time.seconds); }

// Documentation/filesystems/ext4/inodes.rst: nanoseconds, and two more bits of the seconds.
std::uint32_t extra_field(Timestamp time) {
  const std::int64_t epoch = (time.seconds - static_cast<std::int32_t>(seconds_field(time))) >> 32U;
  return static_cast<std::uint32_t>(epoch & 3) | time.nanoseconds << 2U;
}

// Safe: libext2fs declares the small inode where it takes either, and reads the size beside it.
ext2_inode* small(ext2_inode_large& inode) { return reinterpret_cast<ext2_inode*>(&inode); }

}  // namespace

void FileSystemWriter::check(errcode_t error) const {
  if (error != 0) {
    throw Error("cannot write " + in_quotes(name_) + ": " + error_message(error));
  }
}

FileSystemWriter::FileSystemWriter(int fd, std::string name, Size size, Timestamp now)
    : name_(std::move(name)) {
  initialize_ext2_error_table();
  ext2_super_block super = parameters(size);
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  ext2_filsys fs = nullptr;
  check(ext2fs_initialize(path.c_str(), EXT2_FLAG_64BITS, &super, unix_io_manager, &fs));
  fs_.reset(fs);
  fs->flags |= EXT2_FLAG_FLUSH_NO_SYNC;
  set_times(now);
  std::copy(kUuid.begin(), kUuid.end(), std::begin(fs->super->s_uuid));
  std::memcpy(fs->super->s_hash_seed, kUuid.data(), kUuid.size());
  fs->super->s_def_hash_version = EXT2_HASH_HALF_MD4;
  fs->super->s_max_mnt_count = -1;
  fs->super->s_want_extra_isize = sizeof(ext2_inode_large) - EXT2_GOOD_OLD_INODE_SIZE;
  check(ext2fs_allocate_tables(fs));
  make_reserved_inodes();
}

void FileSystemWriter::set_times(Timestamp now) {
  const std::uint32_t seconds = std::max(seconds_field(now), 1U);  // 0 lets libext2fs look at the clock
  fs_->now = seconds;
  fs_->super->s_mkfs_time = seconds;
  fs_->super->s_lastcheck = seconds;
  fs_->super->s_wtime = seconds;
}

void FileSystemWriter::make_reserved_inodes() {
  ext2fs_inode_alloc_stats2(fs_.get(), EXT2_BAD_INO, 1, 0);
  check(ext2fs_update_bb_inode(fs_.get(), nullptr));
  check(ext2fs_mkdir(fs_.get(), EXT2_ROOT_INO, EXT2_ROOT_INO, nullptr));
  for (ext2_ino_t ino = EXT2_ROOT_INO + 1; ino < EXT2_GOOD_OLD_FIRST_INO; ++ino) {
    ext2fs_inode_alloc_stats2(fs_.get(), ino, 1, 0);
  }
}

void FileSystemWriter::link(ext2_ino_t parent, const std::string& name, ext2_ino_t ino, int type) {
  errcode_t error = ext2fs_link(fs_.get(), parent, name.c_str(), ino, type);
  if (error == EXT2_ET_DIR_NO_SPACE) {
    check(ext2fs_expand_dir(fs_.get(), parent));
    error = ext2fs_link(fs_.get(), parent, name.c_str(), ino, type);
  }
  check(error);
}

void FileSystemWriter::make_directory(ext2_ino_t parent, ext2_ino_t ino) {
  check(ext2fs_mkdir(fs_.get(), parent, ino, nullptr));
}

void FileSystemWriter::make_symlink(ext2_ino_t parent, ext2_ino_t ino, const std::string& target) {
  check(ext2fs_symlink(fs_.get(), parent, ino, nullptr, target.c_str()));
}

void FileSystemWriter::add_inode(ext2_ino_t ino, ext2_inode_large& inode) {
  ext2fs_inode_alloc_stats2(fs_.get(), ino, 1, 0);
  check(ext2fs_write_new_inode(fs_.get(), ino, small(inode)));
}

void FileSystemWriter::make_special(ext2_ino_t ino, std::uint16_t mode, const Special& special) {
  ext2_inode_large inode{};
  inode.i_mode = mode;
  inode.i_links_count = 1;
  if (special.major < 256 && special.minor < 256) {
    inode.i_block[0] = special.major << 8U | special.minor;  // old_encode_dev()
  } else {
    inode.i_block[1] = device_number(special);
  }
  add_inode(ino, inode);
}

void FileSystemWriter::make_file(ext2_ino_t ino, std::uint16_t mode) {
  ext2_inode_large inode{};
  inode.i_mode = mode;
  inode.i_links_count = 1;
  ext2_extent_handle_t extents = nullptr;
  check(ext2fs_extent_open2(fs_.get(), ino, small(inode),
                            &extents));  // writes an empty extent tree into the inode
  ext2fs_extent_free(extents);
  add_inode(ino, inode);
}

FileSystemWriter::File::File(FileSystemWriter& writer, ext2_ino_t ino) : writer_(writer) {
  ext2_file_t file = nullptr;
  writer.check(ext2fs_file_open2(writer.fs_.get(), ino, nullptr, EXT2_FILE_WRITE, &file));
  file_.reset(file);
}

void FileSystemWriter::File::write(std::uint64_t offset, std::span<const std::byte> bytes) {
  writer_.check(ext2fs_file_llseek(file_.get(), offset, EXT2_SEEK_SET, nullptr));
  while (!bytes.empty()) {
    unsigned int written = 0;
    writer_.check(
        ext2fs_file_write(file_.get(), bytes.data(), static_cast<unsigned int>(bytes.size()), &written));
    bytes = bytes.subspan(written);
  }
}

void FileSystemWriter::File::finish(std::uint64_t bytes) {
  writer_.check(ext2fs_file_set_size2(file_.get(), static_cast<ext2_off64_t>(bytes)));
  writer_.check(ext2fs_file_close(file_.release()));
}

bool FileSystemWriter::set_attributes(ext2_ino_t ino, const Attributes& attributes, std::uint32_t links) {
  ext2_inode_large inode{};
  check(ext2fs_read_inode_full(fs_.get(), ino, small(inode), sizeof(inode)));
  const bool directory = LINUX_S_ISDIR(inode.i_mode);
  if (links > kLinksMax && !directory) {
    return false;
  }
  inode.i_mode = static_cast<std::uint16_t>((inode.i_mode & LINUX_S_IFMT) | attributes.permissions);
  inode.i_links_count = static_cast<std::uint16_t>(links > kLinksMax ? 1 : links);
  inode.i_uid = static_cast<std::uint16_t>(attributes.uid);
  inode.osd2.linux2.l_i_uid_high = static_cast<std::uint16_t>(attributes.uid >> 16U);
  inode.i_gid = static_cast<std::uint16_t>(attributes.gid);
  inode.osd2.linux2.l_i_gid_high = static_cast<std::uint16_t>(attributes.gid >> 16U);
  inode.i_extra_isize = sizeof(inode) - EXT2_GOOD_OLD_INODE_SIZE;
  inode.i_atime = inode.i_ctime = inode.i_mtime = inode.i_crtime = seconds_field(attributes.mtime);
  inode.i_atime_extra = inode.i_ctime_extra = inode.i_mtime_extra = inode.i_crtime_extra =
      extra_field(attributes.mtime);
  check(ext2fs_write_inode_full(fs_.get(), ino, small(inode), sizeof(inode)));
  return attributes.xattrs.empty() || set_xattrs(ino, attributes.xattrs);
}

bool FileSystemWriter::set_xattrs(ext2_ino_t ino, const std::vector<Xattr>& xattrs) {
  struct Closer {
    void operator()(ext2_xattr_handle* handle) const { ext2fs_xattrs_close(&handle); }
  };
  ext2_xattr_handle* opened = nullptr;
  check(ext2fs_xattrs_open(fs_.get(), ino, &opened));
  const std::unique_ptr<ext2_xattr_handle, Closer> handle(opened);
  for (const Xattr& xattr : xattrs) {
    const errcode_t error =
        ext2fs_xattr_set(handle.get(), xattr.name.c_str(), xattr.value.data(), xattr.value.size());
    if (error == EXT2_ET_EA_NO_SPACE || error == EXT2_ET_INVALID_ARGUMENT) {
      return false;
    }
    check(error);
  }
  return true;
}

void FileSystemWriter::finish() { check(ext2fs_flush(fs_.get())); }

}  // namespace mayfly::image::ext4
