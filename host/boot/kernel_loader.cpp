// SPDX-License-Identifier: Apache-2.0
#include "boot/kernel_loader.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.hpp"
#include "base/error.hpp"
#include "base/fd.hpp"
#include "boot/kernel_image.hpp"

namespace mayfly::boot {
namespace {

// Large, so that there are few system calls; bounded, so that a loader can be stopped.
constexpr std::size_t kReadBytesMax = 64 * kMiB;

// Headers and notes of an open file. Remembers why a read failed, for that is not the file's content's fault.
class FileSource final : public ByteSource {
 public:
  FileSource(int fd, std::uint64_t size) noexcept : fd_(fd), size_(size) {}
  [[nodiscard]] std::uint64_t size() const noexcept override { return size_; }
  [[nodiscard]] bool read(std::uint64_t offset, std::span<std::byte> out) const noexcept override {
    if (offset > size_ || out.size() > size_ - offset) {
      return false;
    }
    const ssize_t got = ::pread(fd_, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0) {
      errno_ = errno;
    }
    return got >= 0 && static_cast<std::size_t>(got) == out.size();
  }
  [[nodiscard]] int errno_value() const noexcept { return errno_; }

 private:
  int fd_;
  std::uint64_t size_;
  mutable int errno_ = 0;
};

// O_NONBLOCK: opening a pipe must not wait for its writer. It means nothing to a regular file.
Fd open_kernel(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) {
    fail_errno("cannot open kernel " + path);
  }
  return fd;
}

std::uint64_t size_of_regular(int fd, const std::string& path) {
  struct stat status {};
  if (::fstat(fd, &status) < 0) {
    fail_errno("cannot look at kernel " + path);
  }
  if (!S_ISREG(status.st_mode)) {
    throw Error("cannot boot " + path + ": it is not a regular file; give an uncompressed vmlinux");
  }
  return static_cast<std::uint64_t>(status.st_size);
}

[[noreturn]] void refuse(const std::string& path, KernelFault fault) {
  throw Error("cannot boot " + path + ": " + std::string(describe(fault)));
}

void read_segment(int fd, const std::string& path, std::uint64_t offset, iovec to,
                  const std::stop_token& stop) {
  while (to.iov_len > 0 && !stop.stop_requested()) {
    const ssize_t got =
        ::pread(fd, to.iov_base, std::min(to.iov_len, kReadBytesMax), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      fail_errno("cannot read kernel " + path);
    }
    if (got == 0) {
      refuse(path, KernelFault::kTruncated);
    }
    const auto bytes = static_cast<std::size_t>(got);
    to.iov_base = static_cast<std::byte*>(to.iov_base) + bytes;
    to.iov_len -= bytes;
    offset += bytes;
  }
}

}  // namespace

KernelLoader::KernelLoader(std::string path, const GuestMemory& memory, std::span<const GuestRange> reserved,
                           BootTimeline& timeline)
    : path_(std::move(path)),
      memory_(memory),
      reserved_(reserved.begin(), reserved.end()),
      timeline_(timeline),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

GuestAddress KernelLoader::wait() {
  thread_.join();
  if (failure_ != nullptr) {
    std::rethrow_exception(failure_);
  }
  return entry_;
}

void KernelLoader::run(const std::stop_token& stop) noexcept {
  timeline_.mark(Milestone::kKernelReadBegin);
  try {
    load(stop);
  } catch (...) {
    failure_ = std::current_exception();
  }
  timeline_.mark(Milestone::kKernelReadEnd);
}

void KernelLoader::load(const std::stop_token& stop) {
  const Fd fd = open_kernel(path_);
  const FileSource file(fd.get(), size_of_regular(fd.get(), path_));
  const auto image = parse_elf(file);
  if (file.errno_value() != 0) {
    throw Error(file.errno_value(), "cannot read kernel " + path_);
  }
  if (!image) {
    refuse(path_, image.error());
  }
  if (const auto fault = check_placement(*image, memory_.regions(), reserved_)) {
    refuse(path_, *fault);
  }
  for (const KernelImage::Segment& segment : image->loads()) {
    const auto to = memory_.host_range({segment.memory.start, segment.file_bytes});
    MAYFLY_ASSERT(to.has_value());  // check_placement
    read_segment(fd.get(), path_, segment.file_offset, *to, stop);
  }
  entry_ = image->entry;
}

}  // namespace mayfly::boot
