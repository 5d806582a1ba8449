// SPDX-License-Identifier: Apache-2.0
#include "vmm/disk.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>

#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffers.hpp"
#include "base/checked.hpp"
#include "base/error.hpp"
#include "base/positioned_io.hpp"
#include "base/say.hpp"

namespace mayfly::vmm {
namespace {

constexpr std::uint32_t kSector = 512;
/// The largest unit that Linux takes a disk with.
constexpr std::uint32_t kUnitMax = 4096;
constexpr std::size_t kBounceBytes = 256 * kKiB;
/// What is written where the host cannot make zeros by itself; never changed. Aligned for any disk.
alignas(kUnitMax) std::array<std::byte, 64 * kKiB> zeros;

std::string name_of(const DiskDevice& device) { return "disk " + device.path; }

bool is_block_device(const std::string& path) noexcept {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISBLK(status.st_mode);
}

Fd open_file(const DiskDevice& device) {
  // BEWARE: without O_NONBLOCK, opening a FIFO would wait for who writes it. O_EXCL is a block device's
  // alone: nobody has it mounted, and nobody mounts it.
  const int flags = (device.is_read_only ? O_RDONLY : O_RDWR) | (device.is_direct ? O_DIRECT : 0) |
                    (is_block_device(device.path) && !device.is_read_only ? O_EXCL : 0) | O_CLOEXEC |
                    O_NOCTTY | O_NONBLOCK;
  Fd fd(::open(device.path.c_str(), flags));
  if (fd) {
    return fd;
  }
  if (errno == EINVAL && device.is_direct) {
    throw Error("cannot open " + name_of(device) + ": its file system has no direct I/O; leave `direct` out");
  }
  if (errno == EBUSY) {
    throw Error("cannot open " + name_of(device) + ": it is mounted, or in use by another process");
  }
  if (!device.is_read_only && (errno == EACCES || errno == EROFS || errno == EPERM)) {
    fail_errno("cannot open " + name_of(device) + " to write it; `readonly` does without");
  }
  fail_errno("cannot open " + name_of(device));
}

void lock(const DiskDevice& device, const Fd& fd) {
  if (::flock(fd.get(), (device.is_read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0) {
    return;
  }
  if (errno == EWOULDBLOCK) {
    throw Error(name_of(device) + " is in use by another process; one that writes it has it to itself");
  }
  fail_errno("cannot lock " + name_of(device));
}

std::uint64_t bytes_of(const DiskDevice& device, const Fd& fd, const struct stat& status) {
  auto bytes = static_cast<std::uint64_t>(status.st_size);
  if (S_ISBLK(status.st_mode) && ::ioctl(fd.get(), BLKGETSIZE64, &bytes) != 0) {
    fail_errno("cannot tell the size of " + name_of(device));
  }
  return bytes;
}

/// What the host can do without: it then says one of these.
bool is_missing(int error) noexcept { return error == EOPNOTSUPP || error == ENOSYS || error == ENODEV; }

int errno_of(int result) noexcept { return result == 0 ? 0 : errno; }

int allocate(int fd, int mode, std::uint64_t offset, std::uint64_t bytes) noexcept {
  int error = EINTR;
  while (error == EINTR) {
    error = errno_of(
        ::fallocate(fd, mode | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset), static_cast<off_t>(bytes)));
  }
  return error;
}

/// Takes the first `bytes` away.
std::span<iovec> drop_front(std::span<iovec> buffers, std::size_t bytes) noexcept {
  while (bytes > 0 && bytes >= buffers.front().iov_len) {
    bytes -= buffers.front().iov_len;
    buffers = buffers.subspan(1);
  }
  if (bytes > 0) {
    buffers.front() = {static_cast<std::byte*>(buffers.front().iov_base) + bytes,
                       buffers.front().iov_len - bytes};
  }
  return buffers;
}

}  // namespace

Disk::Disk(const DiskDevice& device) : path_(device.path), fd_(open_file(device)) {
  struct stat status {};
  if (::fstat(fd_.get(), &status) != 0) {
    fail_errno("cannot look at " + name_of(device));
  }
  is_device_ = S_ISBLK(status.st_mode);
  if (!is_device_ && !S_ISREG(status.st_mode)) {
    throw Error(name_of(device) + " is neither a regular file nor a block device");
  }
  lock(device, fd_);
  shape_ = {.bytes = bytes_of(device, fd_, status), .is_read_only = device.is_read_only};
  if (device.is_direct) {
    take_direct();
  }
  if (shape_.bytes == 0 || shape_.bytes % shape_.unit_bytes != 0) {
    throw Error(name_of(device) + " has " + std::to_string(shape_.bytes) +
                " bytes; a disk has a multiple of " + std::to_string(shape_.unit_bytes) +
                ", at least one (`truncate -s 1G FILE` makes one of zeros)");
  }
}

void Disk::take_direct() {
  std::uint64_t unit = kUnitMax;
  buffer_alignment_ = kUnitMax;
  struct statx status {};
  if (::statx(fd_.get(), "", AT_EMPTY_PATH, STATX_DIOALIGN, &status) == 0 &&
      (status.stx_mask & STATX_DIOALIGN) != 0) {
    unit = status.stx_dio_offset_align;
    buffer_alignment_ = status.stx_dio_mem_align;
  }
  // 0: the file has none.
  if (!std::has_single_bit(unit) || unit > kUnitMax) {
    throw Error("disk " + path_ + ": its file system has no direct I/O for it; leave `direct` out");
  }
  shape_.unit_bytes = std::max(kSector, static_cast<std::uint32_t>(unit));
  bounce_ = Mapping(::mmap(nullptr, kBounceBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
                    kBounceBytes);
  if (bounce_.data() == MAP_FAILED) {
    fail_errno("no memory for disk " + path_);
  }
}

int Disk::tell(int error) noexcept {
  if (error != 0 && !is_told_.exchange(true)) {
    warn("disk " + path_ + ": " + std::strerror(error) + "; the guest is told, this time and the next");
  }
  return error;
}

bool Disk::are_aligned(std::span<const iovec> buffers) const noexcept {
  return std::ranges::all_of(buffers, [this](const iovec& buffer) {
    // Safe: only the address's low bits are looked at.
    return ((reinterpret_cast<std::uintptr_t>(buffer.iov_base) | buffer.iov_len) & (buffer_alignment_ - 1)) ==
           0;
  });
}

int Disk::read(std::span<const iovec> buffers, std::uint64_t offset) noexcept {
  return move(Way::kRead, buffers, offset);
}

int Disk::write(std::span<const iovec> buffers, std::uint64_t offset) noexcept {
  return move(Way::kWrite, buffers, offset);
}

int Disk::move(Way way, std::span<const iovec> buffers, std::uint64_t offset) noexcept {
  if (is_short_.load()) {
    return EIO;
  }
  return tell(are_aligned(buffers) ? move_whole(way, buffers, offset) : bounce(way, buffers, offset));
}

int Disk::move_whole(Way way, std::span<const iovec> buffers, std::uint64_t offset) noexcept {
  MAYFLY_ASSERT(buffers.size() <= kBuffersMax);
  std::array<iovec, kBuffersMax> copy;
  std::span<iovec> left = std::span(copy).first(buffers.size());
  std::ranges::copy(buffers, left.begin());
  while (!left.empty()) {
    const ssize_t moved =
        way == Way::kRead ? read_at(fd_.get(), left, offset) : write_at(fd_.get(), left, offset);
    if (moved < 0 && errno == EINTR) {
      continue;
    }
    if (moved < 0) {
      return errno;
    }
    if (moved == 0) {
      is_short_.store(true);
      return EIO;
    }
    left = drop_front(left, static_cast<std::size_t>(moved));
    offset += static_cast<std::uint64_t>(moved);
  }
  return 0;
}

int Disk::bounce(Way way, std::span<const iovec> buffers, std::uint64_t offset) noexcept {
  const std::lock_guard one_at_a_time(bounce_mutex_);
  const std::uint64_t bytes = total_bytes(buffers);
  for (std::uint64_t at = 0; at < bytes;) {
    const auto part = bounce_.bytes().first(std::min<std::uint64_t>(bounce_.size(), bytes - at));
    const iovec flat{part.data(), part.size()};
    if (way == Way::kWrite) {
      copy_from(buffers, at, part);
    }
    if (const int error = move_whole(way, std::span(&flat, 1), offset + at); error != 0) {
      return error;
    }
    if (way == Way::kRead) {
      copy_to(buffers, at, part);
    }
    at += part.size();
  }
  return 0;
}

int Disk::flush() noexcept {
  const std::lock_guard one_at_a_time(flush_mutex_);
  if (has_lost_writes_) {
    return EIO;
  }
  int error = EINTR;
  while (error == EINTR) {
    error = errno_of(::fdatasync(fd_.get()));
  }
  has_lost_writes_ = error != 0;
  return tell(error);
}

int Disk::discard(std::uint64_t offset, std::uint64_t bytes) noexcept {
  if (bytes == 0) {
    return 0;
  }
  int error = 0;
  if (is_device_) {
    std::array<std::uint64_t, 2> range{offset, bytes};
    error = errno_of(::ioctl(fd_.get(), BLKDISCARD, range.data()));
  } else {
    error = allocate(fd_.get(), FALLOC_FL_PUNCH_HOLE, offset, bytes);
  }
  return is_missing(error) ? 0 : tell(error);
}

int Disk::zero(std::uint64_t offset, std::uint64_t bytes, io::Unmap unmap) noexcept {
  if (bytes == 0) {
    return 0;
  }
  if (is_short_.load()) {
    return EIO;
  }
  int error = unmap == io::Unmap::kMay ? allocate(fd_.get(), FALLOC_FL_PUNCH_HOLE, offset, bytes) : ENOSYS;
  if (is_missing(error)) {
    error = allocate(fd_.get(), FALLOC_FL_ZERO_RANGE, offset, bytes);
  }
  return is_missing(error) ? write_zeros(offset, bytes) : tell(error);
}

int Disk::write_zeros(std::uint64_t offset, std::uint64_t bytes) noexcept {
  for (std::uint64_t at = 0; at < bytes;) {
    std::array<iovec, kBuffersMax> buffers;
    std::size_t count = 0;
    for (; at < bytes && count < buffers.size(); ++count) {
      buffers[count] = {zeros.data(), std::min<std::uint64_t>(zeros.size(), bytes - at)};
      at += buffers[count].iov_len;
    }
    const auto part = std::span(buffers).first(count);
    if (const int error = move(Way::kWrite, part, offset + at - total_bytes(part)); error != 0) {
      return error;
    }
  }
  return 0;
}

std::vector<std::unique_ptr<io::BlockStore>> open_disks(const std::vector<DiskDevice>& devices) {
  std::vector<std::unique_ptr<io::BlockStore>> disks;
  disks.reserve(devices.size());
  for (const DiskDevice& device : devices) {
    disks.push_back(std::make_unique<Disk>(device));
  }
  return disks;
}

}  // namespace mayfly::vmm
