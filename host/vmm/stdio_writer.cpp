// SPDX-License-Identifier: Apache-2.0
#include "vmm/stdio_writer.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <poll.h>
#include <unistd.h>

namespace mayfly::vmm {
namespace {

// As much as a pipe holds by default: a larger write would give its room in the ring back only when all of it
// is read.
constexpr std::size_t kWriteBytesMax = 64U << 10U;

}  // namespace

StdioWriter::StdioWriter(StdioTarget target, std::size_t capacity, std::function<void()> progressed)
    : target_(target), progressed_(std::move(progressed)), ring_(capacity) {}

bool StdioWriter::start() noexcept {
  const std::lock_guard lock(mutex_);
  return thread_.started() ||
         thread_.start([](void* self) noexcept { static_cast<StdioWriter*>(self)->write_all(); }, this);
}

std::size_t StdioWriter::put(std::span<const std::byte> bytes) noexcept {
  const std::lock_guard lock(mutex_);
  const std::size_t taken = ring_.put(bytes);
  change_.notify_all();
  return taken;
}

std::size_t StdioWriter::room() noexcept {
  const std::lock_guard lock(mutex_);
  return ring_.room();
}

void StdioWriter::finish() noexcept {
  const std::lock_guard lock(mutex_);
  finished_ = true;
  drained_ = drained_ || !thread_.started();
  change_.notify_all();
}

void StdioWriter::stop() noexcept {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    drained_ = drained_ || !thread_.started();
    change_.notify_all();
  }
  thread_.end();
}

StdioWriter::Progress StdioWriter::take_progress() noexcept {
  const std::lock_guard lock(mutex_);
  return {std::exchange(left_ring_, 0), error_, drained_};
}

bool StdioWriter::drained() noexcept {
  const std::lock_guard lock(mutex_);
  return drained_;
}

bool StdioWriter::wait_drained(std::chrono::milliseconds limit) noexcept {
  std::unique_lock lock(mutex_);
  return change_.wait_for(lock, limit, [this] { return drained_; });
}

std::size_t StdioWriter::write_some(std::span<const std::byte> bytes) noexcept {
  const ssize_t written = target_.log != nullptr
                              ? target_.log->append(target_.stream, bytes)
                              : ::write(target_.fd, bytes.data(), std::min(bytes.size(), kWriteBytesMax));
  if (written >= 0) {
    return static_cast<std::size_t>(written);
  }
  if (errno == EAGAIN) {  // somebody made the shared descriptor non-blocking
    pollfd ready{target_.fd, POLLOUT, 0};
    ::poll(&ready, 1, -1);
    return 0;
  }
  if (errno != EINTR) {
    const std::lock_guard lock(mutex_);
    error_ = errno;
  }
  return 0;
}

void StdioWriter::write_all() noexcept {
  std::unique_lock lock(mutex_);
  while (true) {
    change_.wait(lock, [this] { return ring_.size() != 0 || finished_ || stopped_; });
    if (stopped_ || ring_.size() == 0) {
      break;
    }
    std::size_t done = ring_.front().size();
    if (error_ == 0) {
      const std::span<const std::byte> bytes = ring_.front();
      lock.unlock();
      done = write_some(bytes);
      lock.lock();
    }
    ring_.consumed(done);
    left_ring_ += done;
    lock.unlock();
    progressed_();
    lock.lock();
  }
  drained_ = true;
  change_.notify_all();
  lock.unlock();
  progressed_();
}

}  // namespace mayfly::vmm
