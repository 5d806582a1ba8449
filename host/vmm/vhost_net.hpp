// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/fd.hpp"
#include "memory/guest_memory.hpp"
#include "virtio/queue_server.hpp"

namespace mayfly::vmm {

/// vhost-net (include/uapi/linux/vhost.h, drivers/vhost/net.c): a thread of the host's kernel moves packets
/// between a tap and a pair of queues.
///
/// The kernel is shown guest RAM and nothing else of ours, and checks each buffer against it. The calls of
/// QueueServer are of any thread, one at a time.
class VhostNet final : public virtio::QueueServer {
 public:
  /// One that is nobody's yet. Throws Error that names the mend.
  [[nodiscard]] static Fd open();

  /// `device` from open(), for the process that will run the guest with `memory`; `tap` is the descriptor of
  /// a tap's queue. All outlive this. Throws Error.
  VhostNet(Fd device, const GuestMemory& memory, int tap);

  [[nodiscard]] int bell(std::size_t queue) const noexcept override { return events_[queue].bell.get(); }
  [[nodiscard]] int interrupt_event(std::size_t queue) const noexcept override {
    return events_[queue].interrupt.get();
  }
  [[nodiscard]] int fault_event(std::size_t queue) const noexcept override {
    return events_[queue].fault.get();
  }
  [[nodiscard]] bool set_up(const std::array<virtio::QueueSetup, kQueues>& queues,
                            std::uint64_t features) noexcept override;
  [[nodiscard]] bool run() noexcept override;
  void stop() noexcept override;

 private:
  struct Events {
    Fd bell;
    Fd interrupt;
    Fd fault;
  };

  [[nodiscard]] bool set_backend(int tap) noexcept;

  Fd device_;
  const GuestMemory& memory_;
  int tap_;
  std::array<Events, kQueues> events_;
};

}  // namespace mayfly::vmm
