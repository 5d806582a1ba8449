// SPDX-License-Identifier: Apache-2.0
#include "vmm/image.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>

#include "base/checked.hpp"
#include "base/error.hpp"
#include "memory/backing.hpp"

namespace mayfly::vmm {
namespace {

Fd open_image(const std::string& path) {
  // BEWARE: without O_NONBLOCK, opening a FIFO would wait for a writer.
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) {
    fail_errno("cannot open image " + path);
  }
  return fd;
}

std::uint64_t regular_file_bytes(const std::string& path, const Fd& fd) {
  struct stat status {};
  if (::fstat(fd.get(), &status) < 0) {
    fail_errno("cannot look at image " + path);
  }
  if (S_ISDIR(status.st_mode)) {
    throw Error("image " + path + " is a directory; make an image of it with `mayfly-image build --from " +
                path + " --output FILE`");
  }
  if (!S_ISREG(status.st_mode)) {
    throw Error("image " + path + " is not a regular file");
  }
  return static_cast<std::uint64_t>(status.st_size);
}

[[noreturn]] void refuse(const std::string& path, image::ImageFault fault) {
  throw Error("image " + path + ": " + std::string(describe(fault)));
}

void read_image(const std::string& path, const Fd& fd, std::uint64_t offset, std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t bytes = ::pread(fd.get(), out.data(), out.size(), static_cast<off_t>(offset));
    if (bytes < 0 && errno == EINTR) {
      continue;
    }
    if (bytes < 0) {
      fail_errno("cannot read image " + path);
    }
    if (bytes == 0) {
      refuse(path, image::ImageFault::kTruncated);
    }
    out = out.subspan(static_cast<std::size_t>(bytes));
    offset += static_cast<std::uint64_t>(bytes);
  }
}

}  // namespace

Image::Image(const std::string& path, ImageCheck check) : path_(path), fd_(open_image(path)) {
  const std::uint64_t file_bytes = regular_file_bytes(path, fd_);
  if (file_bytes < image::kHeaderBytes) {
    refuse(path, image::ImageFault::kTooShort);
  }
  std::array<std::byte, image::kHeaderBytes> header{};
  read_image(path, fd_, 0, header);
  const auto info = image::check_header(header, file_bytes);
  if (!info.has_value()) {
    refuse(path, info.error());
  }
  info_ = *info;
  launch_bytes_.resize(info_.launch_bytes);
  read_image(path, fd_, info_.launch_offset, launch_bytes_);
  const auto launch = image::check_launch(info_, launch_bytes_);
  if (!launch.has_value()) {
    refuse(path, launch.error());
  }
  launch_ = *launch;
  if (check == ImageCheck::kWhole) {
    check_file_system();
  }
}

void Image::check_file_system() const {
  image::Sha256 hash;
  std::vector<std::byte> buffer(kMiB);
  for (std::uint64_t at = image::kHeaderBytes; at < info_.fs_bytes;) {
    const std::span<std::byte> piece(buffer.data(),
                                     std::min<std::uint64_t>(buffer.size(), info_.fs_bytes - at));
    read_image(path_, fd_, at, piece);
    hash.update(piece);
    at += piece.size();
  }
  if (hash.finish() != info_.fs_digest) {
    refuse(path_, image::ImageFault::kBadFsDigest);
  }
}

Mapping Image::map() const {
  Mapping room = reserve_aligned(info_.image_bytes);
  if (::mmap(room.data(), room.size(), PROT_READ, MAP_SHARED | MAP_FIXED, fd_.get(), 0) == MAP_FAILED) {
    fail_errno("cannot map image " + path_);
  }
  return room;
}

}  // namespace mayfly::vmm
