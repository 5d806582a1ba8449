// SPDX-License-Identifier: Apache-2.0
#include "image-builder/build/image_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>

#include "image-builder/build/seal.hpp"
#include "image-builder/erofs/disk_format.hpp"
#include "image-builder/io/file_io.hpp"
#include "image-builder/tree/path.hpp"

namespace mayfly::image {
namespace {

// linux/Documentation/filesystems/ext4/super.rst
constexpr std::size_t kExt4Inodes = 0x0;
constexpr std::size_t kExt4FreeInodes = 0x10;
constexpr std::uint32_t kExt4ReservedInodes = 9;  // of the first ten, the root alone is a file

std::uint32_t load32(std::span<const std::byte> bytes, std::size_t at) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.subspan(at, sizeof(value)).data(), sizeof(value));
  return value;
}

}  // namespace

ImageFile::ImageFile(const std::string& path)
    : path_(path), file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  struct stat status {};
  if (!file_ || ::fstat(file_.get(), &status) != 0) {
    throw InputError(errno, "cannot read " + in_quotes(path_));
  }
  if (!S_ISREG(status.st_mode)) {
    throw InputError(in_quotes(path_) + ": not a Mayfly image: not a regular file");
  }
  std::array<std::byte, kHeaderBytes> header{};
  if (read_at(file_.get(), 0, header, path_) < header.size()) {
    refuse(ImageFault::kTooShort);
  }
  const auto info = check_header(header, static_cast<std::uint64_t>(status.st_size));
  if (!info.has_value()) {
    refuse(info.error());
  }
  info_ = *info;
  launch_bytes_.resize(info_.launch_bytes);
  launch_bytes_.resize(read_at(file_.get(), info_.launch_offset, launch_bytes_, path_));
  launch_ = check_launch(info_, launch_bytes_);
  if (!launch_.has_value()) {
    refuse(launch_.error());
  }
}

void ImageFile::refuse(ImageFault fault) const {
  throw InputError(in_quotes(path_) + ": " + std::string(describe(fault)));
}

std::uint64_t ImageFile::count_files() const {
  std::array<std::byte, sizeof(erofs::Superblock)> superblock{};
  static_cast<void>(read_at(file_.get(), kHeaderBytes, superblock, path_));
  if (info_.file_system == FileSystem::kErofs) {
    return load32(superblock, offsetof(erofs::Superblock, inodes));
  }
  return load32(superblock, kExt4Inodes) - load32(superblock, kExt4FreeInodes) - kExt4ReservedInodes;
}

void ImageFile::verify(Progress& progress) const {
  if (digest_file_system(file_.get(), info_.fs_bytes, path_, progress) != info_.fs_digest) {
    refuse(ImageFault::kBadFsDigest);
  }
  check_padding();
}

void ImageFile::check_padding() const {
  const std::uint64_t begin = info_.launch_offset + info_.launch_bytes;
  std::vector<std::byte> padding(info_.image_bytes - begin);
  padding.resize(read_at(file_.get(), begin, padding, path_));
  if (std::any_of(padding.begin(), padding.end(), [](std::byte byte) { return byte != std::byte{0}; })) {
    refuse(ImageFault::kPaddingNotZero);
  }
}

}  // namespace mayfly::image
