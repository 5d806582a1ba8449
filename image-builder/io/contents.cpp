// SPDX-License-Identifier: Apache-2.0
#include "image-builder/io/contents.hpp"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/base/checked.hpp"
#include "image-builder/io/file_io.hpp"
#include "image-builder/tree/path.hpp"

namespace mayfly::image {
namespace {

constexpr std::uint64_t kSpoolAlignment = 4096;

}  // namespace

FileReader::FileReader(Fd owned, int fd, std::uint64_t base, std::string name)
    : owned_(std::move(owned)), fd_(fd), base_(base), name_(std::move(name)) {}

void FileReader::read(std::uint64_t offset, std::span<std::byte> bytes) const {
  if (read_at(fd_, base_ + offset, bytes, name_) != bytes.size()) {
    throw InputError("input file " + in_quotes(name_) + " changed while it was read");
  }
}

Contents::Contents(const std::string& directory) : directory_(directory), spool_(open_unnamed(directory)) {}

SpoolExtent Contents::spool_begin() const { return {align_up(spool_end_, kSpoolAlignment)}; }

void Contents::spool_write(SpoolExtent file, std::uint64_t offset, std::span<const std::byte> bytes) {
  write_sparse(spool_.get(), file.offset + offset, bytes, "spool in " + directory_);
}

Regular Contents::spool_end(SpoolExtent file, std::uint64_t bytes) {
  spool_end_ = file.offset + bytes;
  if (::ftruncate(spool_.get(), static_cast<off_t>(spool_end_)) != 0) {
    fail_errno("cannot extend the spool in " + in_quotes(directory_));
  }
  return {bytes, file};
}

FileReader Contents::open(const Regular& file) const {
  if (const auto* extent = std::get_if<SpoolExtent>(&file.data)) {
    return {Fd(), spool_.get(), extent->offset, "spool in " + directory_};
  }
  return open_host(std::get<HostFile>(file.data), file.bytes);
}

FileReader Contents::open_host(const HostFile& file, std::uint64_t bytes) const {
  Fd opened(open_below(root_.get(), file.path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  struct stat status {};
  if (!opened || ::fstat(opened.get(), &status) != 0) {
    throw InputError(errno, "cannot read input file " + in_quotes(file.path));
  }
  const Timestamp changed = {status.st_ctim.tv_sec, static_cast<std::uint32_t>(status.st_ctim.tv_nsec)};
  if (!S_ISREG(status.st_mode) || status.st_dev != file.device || status.st_ino != file.inode ||
      static_cast<std::uint64_t>(status.st_size) != bytes || changed != file.changed) {
    throw InputError("input file " + in_quotes(file.path) + " changed while it was read");
  }
  const int fd = opened.get();
  return {std::move(opened), fd, 0, file.path};
}

int open_below(int root, const char* path, int flags) {
  open_how how{};
  how.flags = static_cast<unsigned int>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(::syscall(SYS_openat2, root, path, &how, sizeof(how)));
}

}  // namespace mayfly::image
