// SPDX-License-Identifier: Apache-2.0
#include "vmm/disk_workers.hpp"

#include <system_error>

#include <unistd.h>

#include "base/error.hpp"
#include "sandbox/sandbox.hpp"

namespace mayfly::vmm {

void DiskWorkers::start() {
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
  const std::lock_guard listens(listening_);
  std::uint64_t count = 0;
  // Before the queue is looked at: what is rung for after that rings again.
  [[maybe_unused]] const ssize_t got = ::read(disk_.doorbell(), &count, sizeof(count));
}

}  // namespace mayfly::vmm
