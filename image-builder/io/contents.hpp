// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "host/base/fd.hpp"
#include "image-builder/tree/tree.hpp"

namespace mayfly::image {

/// A regular file of the input, open for reading.
class FileReader {
 public:
  /// Fills `bytes` from `offset`, which lies inside the file. Throws InputError when the file became shorter.
  void read(std::uint64_t offset, std::span<std::byte> bytes) const;

 private:
  friend class Contents;
  FileReader(Fd owned, int fd, std::uint64_t base, std::string name);

  Fd owned_;
  int fd_;
  std::uint64_t base_;
  std::string name_;
};

/// The bytes of all regular files: those of an archive in an unnamed spool file, those of a directory where
/// they are.
class Contents {
 public:
  /// The spool lies in `directory`, on the disk of the output. Throws Error.
  explicit Contents(const std::string& directory);

  /// HostFile paths are relative to `root` from now on.
  void set_root(Fd root) { root_ = std::move(root); }
  [[nodiscard]] int root() const { return root_.get(); }

  /// Where the next file will begin; write its bytes with spool_write() and end it with spool_end().
  [[nodiscard]] SpoolExtent spool_begin() const;
  /// Bytes of the current file; what is never written reads as zero. Throws Error.
  void spool_write(SpoolExtent file, std::uint64_t offset, std::span<const std::byte> bytes);
  [[nodiscard]] Regular spool_end(SpoolExtent file, std::uint64_t bytes);

  /// Throws InputError when a file of the input directory is gone, not readable or no longer what it was.
  [[nodiscard]] FileReader open(const Regular& file) const;

 private:
  [[nodiscard]] FileReader open_host(const HostFile& file, std::uint64_t bytes) const;

  std::string directory_;
  Fd spool_;
  std::uint64_t spool_end_ = 0;
  Fd root_;
};

/// Opens `path` below the directory `root` without leaving it and without following any symbolic link; -1 and
/// errno.
[[nodiscard]] int open_below(int root, const char* path, int flags);

}  // namespace mayfly::image
