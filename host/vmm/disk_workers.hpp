// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "base/fd.hpp"
#include "virtio/blk.hpp"
#include "vmm/pause_gate.hpp"

namespace mayfly::vmm {

/// The threads of one disk: each takes a request, waits for the host to do it, and gives it back. So a slow
/// disk holds up neither a vCPU nor the I/O thread nor another disk. They hold still at the gate while the
/// machine is paused, with nothing under way.
///
/// While the disk is held by its limit they do not wait for the doorbell, and whoever rings it wakes nobody:
/// each finds once that it is held, and sleeps until it is not.
class DiskWorkers {
 public:
  /// Of a guest with so many CPUs. Two at least: with one, what is read would wait for every flush. Four at
  /// most: each is a request under way, and costs a boot its thread and its filter.
  [[nodiscard]] static constexpr std::size_t count_for(std::uint32_t cpus) noexcept {
    return std::clamp<std::size_t>(cpus, 2, 4);
  }

  /// `disk` and `gate` outlive this.
  DiskWorkers(virtio::Blk& disk, PauseGate& gate, std::size_t count) noexcept
      : disk_(disk), gate_(gate), count_(count) {}
  DiskWorkers(const DiskWorkers&) = delete;
  DiskWorkers& operator=(const DiskWorkers&) = delete;
  /// Stops and joins.
  ~DiskWorkers() { stop(); }

  /// Once, before lock_down(): what they may do is not for main to inherit. Throws Error when the host has no
  /// thread left.
  void start();
  /// To the gate, which was closed before, when what is under way has ended; does not wait. Any thread.
  void interrupt() noexcept;
  /// What is under way ends, and nothing more is begun. The gate is open.
  void stop() noexcept;

  [[nodiscard]] std::size_t count() const noexcept { return count_; }

 private:
  void run() noexcept;
  void wait_for_ring() noexcept;
  void wait_for_limit(std::uint64_t held_ns) noexcept;

  virtio::Blk& disk_;
  PauseGate& gate_;
  std::size_t count_;
  std::atomic<bool> stop_{false};
  /// Where they all wait for the doorbell: each time that it is written wakes one (epoll(7), EPOLLET), and
  /// nobody need read it.
  Fd epoll_;
  std::mutex limit_mutex_;
  /// They have something else to look at than the time.
  std::condition_variable limit_wait_ended_;
  std::vector<std::thread> threads_;
};

}  // namespace mayfly::vmm
