// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "virtio/virt_queue.hpp"

namespace mayfly::virtio {

/// Serves a pair of queues in our place: the host's kernel (vhost). It reads and writes the rings itself, is
/// rung and interrupts the driver by eventfds, which live as long as it does; we only say when. Stands still
/// at first. Not locked.
class QueueServer {
 public:
  static constexpr std::size_t kQueues = 2;

  QueueServer() = default;
  QueueServer(const QueueServer&) = delete;
  QueueServer& operator=(const QueueServer&) = delete;
  virtual ~QueueServer() = default;

  /// The driver has rung for `queue`.
  [[nodiscard]] virtual int bell(std::size_t queue) const noexcept = 0;
  /// There are used buffers that the driver wants to hear of.
  [[nodiscard]] virtual int interrupt_event(std::size_t queue) const noexcept = 0;
  /// The driver broke the rules of `queue`.
  [[nodiscard]] virtual int fault_event(std::size_t queue) const noexcept = 0;

  /// Where the rings of a new driver are, which were found to lie in RAM, and what it has negotiated. While
  /// it stands still. False when the host refuses.
  [[nodiscard]] virtual bool set_up(const std::array<QueueSetup, kQueues>& queues,
                                    std::uint64_t features) noexcept = 0;
  /// Goes on where it stopped. False when the host refuses.
  [[nodiscard]] virtual bool run() noexcept = 0;
  /// When this returns, memory of the guest is left alone.
  virtual void stop() noexcept = 0;
};

}  // namespace mayfly::virtio
