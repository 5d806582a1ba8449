// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <ext2fs/ext2fs.h>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "image-builder/tree/tree.hpp"

namespace mayfly::image::ext4 {

inline constexpr std::uint32_t kBlockBytes = 4096;

struct Size {
  std::uint64_t blocks = 0;
  std::uint32_t inodes = 0;
};

/// An ext4 that is being filled, by libext2fs. Every member throws Error naming the file when libext2fs
/// fails.
class FileSystemWriter {
 public:
  /// Formats the file behind `fd`, which is `size` large and reads as zero: reserved inodes and an empty
  /// root. `now` stands wherever ext4 notes the time.
  FileSystemWriter(int fd, std::string name, Size size, Timestamp now);

  /// Gives `ino` a name in the directory `parent`.
  void link(ext2_ino_t parent, const std::string& name, ext2_ino_t ino, int type);
  void make_directory(ext2_ino_t parent, ext2_ino_t ino);
  void make_symlink(ext2_ino_t parent, ext2_ino_t ino, const std::string& target);
  void make_special(ext2_ino_t ino, std::uint16_t mode, const Special& special);
  /// An empty file, to be filled through open_file().
  void make_file(ext2_ino_t ino, std::uint16_t mode);
  /// Sets permissions, owner, times, links and extended attributes. False when they do not fit into an ext4.
  [[nodiscard]] bool set_attributes(ext2_ino_t ino, const Attributes& attributes, std::uint32_t links);

  /// A file being written.
  class File {
   public:
    /// Writes at `offset`; what is never written is a hole.
    void write(std::uint64_t offset, std::span<const std::byte> bytes);
    /// Sets the size; the last call.
    void finish(std::uint64_t bytes);

   private:
    friend class FileSystemWriter;
    struct Closer {
      void operator()(ext2_file* file) const { ext2fs_file_close(file); }
    };
    File(FileSystemWriter& writer, ext2_ino_t ino);
    FileSystemWriter& writer_;
    std::unique_ptr<ext2_file, Closer> file_;
  };
  [[nodiscard]] File open_file(ext2_ino_t ino) { return {*this, ino}; }

  /// Writes all that is still in memory. The last call.
  void finish();

 private:
  struct Freer {
    void operator()(struct_ext2_filsys* fs) const { ext2fs_free(fs); }
  };
  void make_reserved_inodes();
  void set_times(Timestamp now);
  [[nodiscard]] bool set_xattrs(ext2_ino_t ino, const std::vector<Xattr>& xattrs);
  void add_inode(ext2_ino_t ino, ext2_inode_large& inode);
  void check(errcode_t error) const;

  std::string name_;
  std::unique_ptr<struct_ext2_filsys, Freer> fs_;
};

}  // namespace mayfly::image::ext4
