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

namespace mayfly::boot {
namespace {

// What one thread reads at a time: what goes to one huge page, which the host clears when it is first
// written.
constexpr std::uint64_t kPageBytes = 2 * kMiB;

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

// Has the host make the page behind `to`, which is about to be written. A fault in user mode takes the lock
// of that memory's mapping alone, one in the midst of pread that of all mappings (arch/x86/mm/fault.c since
// Linux 6.4, do_user_addr_fault): whoever maps something on another thread would wait until the page is
// cleared.
void touch(const iovec& to) noexcept { *static_cast<volatile std::byte*>(to.iov_base) = std::byte{}; }

void read_piece(int fd, const std::string& path, std::uint64_t offset, iovec to) {
  while (to.iov_len > 0) {
    const ssize_t got = ::pread(fd, to.iov_base, to.iov_len, static_cast<off_t>(offset));
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

KernelLoader::KernelLoader(std::string path, BootTimeline& timeline, std::function<void()> then)
    : path_(std::move(path)),
      timeline_(timeline),
      then_(std::move(then)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

KernelLoader::~KernelLoader() {
  thread_.request_stop();
  if (memory_ == nullptr) {
    given_.release();
  }
}

void KernelLoader::read_into(const GuestMemory& memory, std::span<const GuestRange> reserved) {
  MAYFLY_ASSERT(memory_ == nullptr);
  memory_ = &memory;
  reserved_.assign(reserved.begin(), reserved.end());
  given_.release();
}

GuestAddress KernelLoader::wait() {
  MAYFLY_ASSERT(memory_ != nullptr);
  std::exception_ptr failure;
  if (placed_.load(std::memory_order_acquire)) {
    try {
      read_pieces({});
    } catch (...) {
      failure = std::current_exception();
      thread_.request_stop();
    }
  }
  thread_.join();
  fd_ = Fd();
  if (failure_ == nullptr) {
    failure_ = failure;
  }
  if (failure_ != nullptr) {
    std::rethrow_exception(failure_);
  }
  return image_->entry;
}

void KernelLoader::run(const std::stop_token& stop) noexcept {
  try {
    open();
  } catch (...) {
    failure_ = std::current_exception();
  }
  if (then_) {
    then_();
  }
  given_.acquire();
  if (failure_ != nullptr || stop.stop_requested()) {
    return;
  }
  timeline_.mark(Milestone::kKernelReadBegin);
  try {
    place();
    placed_.store(true, std::memory_order_release);
    touch_reserved();
    read_pieces(stop);
  } catch (...) {
    failure_ = std::current_exception();
  }
}

void KernelLoader::open() {
  fd_ = open_kernel(path_);
  const FileSource file(fd_.get(), size_of_regular(fd_.get(), path_));
  const auto image = parse_elf(file);
  if (file.errno_value() != 0) {
    throw Error(file.errno_value(), "cannot read kernel " + path_);
  }
  if (!image) {
    refuse(path_, image.error());
  }
  image_ = *image;
}

void KernelLoader::place() {
  if (const auto fault = check_placement(*image_, memory_->regions(), reserved_)) {
    refuse(path_, *fault);
  }
  for (const KernelImage::Segment& segment : image_->loads()) {
    add_pieces(segment);
  }
}

void KernelLoader::touch_reserved() noexcept {
  if (reserved_.empty()) {
    return;
  }
  const GuestRange& range = reserved_.front();
  if (const auto last = memory_->host_range({GuestAddress(range.start.raw() + range.bytes - 1), 1})) {
    touch(*last);
  }
}

void KernelLoader::add_pieces(const KernelImage::Segment& segment) {
  std::uint64_t done = 0;
  while (done < segment.file_bytes) {
    const GuestAddress start(segment.memory.start.raw() + done);
    const std::uint64_t to_page_end = kPageBytes - start.raw() % kPageBytes;
    const std::uint64_t bytes = std::min(segment.file_bytes - done, to_page_end);
    const auto to = memory_->host_range({start, bytes});
    MAYFLY_ASSERT(to.has_value());  // check_placement
    pieces_.push_back({segment.file_offset + done, *to, start.raw() / kPageBytes});
    done += bytes;
  }
}

std::span<const KernelLoader::Piece> KernelLoader::take_page() noexcept {
  const std::size_t count = pieces_.size();
  std::size_t first = next_.load(std::memory_order_relaxed);
  std::size_t end = 0;
  do {
    end = first;
    while (end < count && pieces_[end].page == pieces_[first].page) {
      ++end;
    }
  } while (!next_.compare_exchange_weak(first, end, std::memory_order_relaxed));
  return std::span(pieces_).subspan(first, end - first);
}

void KernelLoader::read_pieces(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto taken = take_page();
    if (taken.empty()) {
      return;
    }
    touch(taken.front().to);
    for (const Piece& piece : taken) {
      read_piece(fd_.get(), path_, piece.file_offset, piece.to);
    }
    if (read_.fetch_add(taken.size(), std::memory_order_relaxed) + taken.size() == pieces_.size()) {
      timeline_.mark(Milestone::kKernelReadEnd);
    }
  }
}

}  // namespace mayfly::boot
