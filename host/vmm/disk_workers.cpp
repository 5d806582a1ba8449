// SPDX-License-Identifier: Apache-2.0
#include "vmm/disk_workers.hpp"

#include <system_error>

#include <sys/epoll.h>

#include "base/error.hpp"
#include "sandbox/sandbox.hpp"

namespace mayfly::vmm {

void DiskWorkers::start() {
  epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{};
  event.events = std::uint32_t{EPOLLIN} | std::uint32_t{EPOLLET};
  if (!epoll_ || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, disk_.doorbell(), &event) != 0) {
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

void DiskWorkers::stop() noexcept {
  stop_.store(true);
  disk_.ring();
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
    while (!stop_.load() && !gate_.is_closed() && disk_.serve()) {
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

}  // namespace mayfly::vmm
