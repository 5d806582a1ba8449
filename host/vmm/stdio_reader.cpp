// SPDX-License-Identifier: Apache-2.0
#include "vmm/stdio_reader.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include <poll.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace mayfly::vmm {
namespace {

constexpr std::size_t kReadBytesMax = 64U << 10U;
// How often a background job looks whether it has the terminal again: the kernel has no event for it.
constexpr std::chrono::milliseconds kForegroundLook{200};

// True for a job that may come to the foreground of its terminal later.
bool in_background(int fd) noexcept {
  const pid_t foreground = ::tcgetpgrp(fd);
  return foreground > 0 && foreground != ::getpgrp();
}

// Without reading it, and before a sandbox takes the call for it away.
bool is_null_device(int fd) noexcept {
  constexpr unsigned kMemory = 1;  // admin-guide/devices.txt
  constexpr unsigned kNull = 3;
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == makedev(kMemory, kNull);
}

}  // namespace

StdioReader::StdioReader(int fd, std::size_t credit, std::function<void()> arrived)
    : fd_(fd), arrived_(std::move(arrived)), ring_(credit), may_read_(credit), at_end_(is_null_device(fd)) {}

bool StdioReader::start() noexcept {
  const std::lock_guard lock(mutex_);
  return thread_.started() || abandoned_ || at_end_ ||
         thread_.start([](void* self) noexcept { static_cast<StdioReader*>(self)->read_all(); }, this);
}

bool StdioReader::grant(std::size_t count) noexcept {
  const std::lock_guard lock(mutex_);
  if (count > unreturned_) {
    return false;
  }
  unreturned_ -= count;
  may_read_ += count;
  change_.notify_one();
  return true;
}

void StdioReader::abandon() noexcept {
  const std::lock_guard lock(mutex_);
  abandoned_ = true;
  change_.notify_one();
}

void StdioReader::stop() noexcept {
  abandon();
  thread_.end();
}

std::size_t StdioReader::available() noexcept {
  const std::lock_guard lock(mutex_);
  return abandoned_ ? 0 : ring_.size();
}

std::size_t StdioReader::take(std::span<std::byte> to) noexcept {
  const std::lock_guard lock(mutex_);
  const std::size_t taken = ring_.take(to);
  unreturned_ += taken;
  return taken;
}

bool StdioReader::ended() noexcept {
  const std::lock_guard lock(mutex_);
  return at_end_ && ring_.size() == 0 && !abandoned_;
}

StdioReader::Step StdioReader::after_error(std::unique_lock<std::mutex>& lock, int error) noexcept {
  switch (error) {
    case EINTR:
      return Step::kGoOn;
    case EAGAIN: {  // somebody made the shared descriptor non-blocking
      lock.unlock();
      pollfd ready{fd_, POLLIN, 0};
      ::poll(&ready, 1, -1);
      lock.lock();
      return Step::kGoOn;
    }
    case EIO:
      if (in_background(fd_)) {
        change_.wait_for(lock, kForegroundLook, [this] { return abandoned_; });
        return Step::kGoOn;
      }
      return Step::kEnd;
    default:
      return Step::kEnd;
  }
}

StdioReader::Step StdioReader::read_some(std::unique_lock<std::mutex>& lock) noexcept {
  // What is granted and what is in the ring never exceed the ring together.
  const std::span<std::byte> space = ring_.space();
  const std::size_t wanted = std::min({space.size(), may_read_, kReadBytesMax});
  lock.unlock();
  const ssize_t count = ::read(fd_, space.data(), wanted);
  const int error = count < 0 ? errno : 0;
  lock.lock();
  if (count < 0) {
    return after_error(lock, error);
  }
  if (count == 0) {
    return Step::kEnd;
  }
  ring_.produced(static_cast<std::size_t>(count));
  may_read_ -= static_cast<std::size_t>(count);
  lock.unlock();
  arrived_();
  lock.lock();
  return Step::kGoOn;
}

void StdioReader::read_all() noexcept {
  std::unique_lock lock(mutex_);
  while (true) {
    change_.wait(lock, [this] { return may_read_ != 0 || abandoned_; });
    if (abandoned_) {
      return;
    }
    if (read_some(lock) == Step::kEnd) {
      break;
    }
  }
  at_end_ = true;
  lock.unlock();
  arrived_();
}

}  // namespace mayfly::vmm
