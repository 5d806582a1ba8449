// SPDX-License-Identifier: Apache-2.0
#include "vmm/pause_gate.hpp"

namespace mayfly::vmm {

void PauseGate::hold() noexcept {
  std::unique_lock lock(mutex_);
  ++waiting_;
  changed_.notify_all();
  changed_.wait(lock, [this] { return !closed_.load(); });
  --waiting_;
}

void PauseGate::leave() noexcept {
  const std::lock_guard lock(mutex_);
  ++waiting_;
  changed_.notify_all();
}

void PauseGate::open() noexcept {
  const std::lock_guard lock(mutex_);
  closed_.store(false);
  changed_.notify_all();
}

bool PauseGate::wait_for(std::size_t threads, std::chrono::milliseconds patience) noexcept {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, patience, [&] { return waiting_ >= threads; });
}

}  // namespace mayfly::vmm
