// SPDX-License-Identifier: Apache-2.0
#include "vmm/disk_workers.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>

#include <sys/epoll.h>

#include "base/error.hpp"
#include "sandbox/sandbox.hpp"

namespace mayfly::vmm {

void DiskWorkers::start() {
  epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{};
  event.events = std::uint32_t{EPOLLIN} | std::uint32_t{EPOLLET};
  if (!epoll_ || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, disk_.doorbell(0), &event) != 0) {
    fail_errno("cannot make what the threads of a disk wait for");
  }
  try {
    while (threads_.size() < count_) {
      threads_.emplace_back([this] { run(); });
    }
  } catch (const std::system_error& error) {
    throw Error(error.code().value(), "cannot start the threads of a disk");
  }
}

void DiskWorkers::interrupt() noexcept {
  disk_.ring();
  {
    // Whoever has not seen what this is about does not sleep yet.
    const std::lock_guard lock(limit_mutex_);
  }
  limit_wait_ended_.notify_all();
}

void DiskWorkers::stop() noexcept {
  stop_.store(true);
  interrupt();
  for (std::thread& thread : threads_) {
    thread.join();
  }
  threads_.clear();
}

void DiskWorkers::run() noexcept {
  sandbox::confine_thread(sandbox::ThreadKind::kDisk);
  while (!stop_.load()) {
    if (gate_.is_closed()) {
      // To the next one; and what the guest has rung for is not forgotten.
      disk_.ring();
      gate_.hold();
      continue;
    }
    wait_for_ring();
    while (!stop_.load() && !gate_.is_closed()) {
      if (disk_.serve()) {
        continue;
      }
      const auto held_ns = disk_.held_for();
      if (!held_ns) {
        break;
      }
      wait_for_limit(*held_ns);
    }
  }
  disk_.ring();
  gate_.leave();
}

void DiskWorkers::wait_for_ring() noexcept {
  epoll_event event{};
  // Before the queue is looked at: what is rung for after that rings again.
  [[maybe_unused]] const int ready = ::epoll_wait(epoll_.get(), &event, 1, -1);
}

void DiskWorkers::wait_for_limit(std::uint64_t held_ns) noexcept {
  constexpr std::chrono::nanoseconds kLongest = std::chrono::hours(1);
  const auto longest = static_cast<std::uint64_t>(kLongest.count());
  std::unique_lock lock(limit_mutex_);
  if (!stop_.load() && !gate_.is_closed()) {
    limit_wait_ended_.wait_for(lock, std::chrono::nanoseconds(std::min(held_ns, longest)));
  }
}

}  // namespace mayfly::vmm
