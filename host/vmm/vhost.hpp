// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/fd.hpp"
#include "memory/guest_memory.hpp"
#include "virtio/queue_server.hpp"

namespace mayfly::vmm {

/// The host's kernel as the server of a pair of queues (include/uapi/linux/vhost.h, drivers/vhost/).
///
/// It is shown guest RAM and nothing else of ours, and checks each buffer against that. The calls of
/// QueueServer are of any thread, one at a time.
class Vhost : public virtio::QueueServer {
 public:
  /// One of the kernel's devices.
  struct Kind {
    const char* path;
    const char* module;
    /// By what the user asks for it, for errors.
    const char* option;
  };
  static constexpr Kind kNet{"/dev/vhost-net", "vhost_net", "--net: vhost=on"};
  static constexpr Kind kVsock{"/dev/vhost-vsock", "vhost_vsock", "--vsock vhost"};

  /// A device that is nobody's yet. Throws Error that names the mend.
  [[nodiscard]] static Fd open(const Kind& kind);

  [[nodiscard]] int bell(std::size_t queue) const noexcept final { return events_[queue].bell.get(); }
  [[nodiscard]] int interrupt_event(std::size_t queue) const noexcept final {
    return events_[queue].interrupt.get();
  }
  [[nodiscard]] int fault_event(std::size_t queue) const noexcept final { return events_[queue].fault.get(); }
  [[nodiscard]] bool set_up(const std::array<virtio::QueueSetup, kQueues>& queues,
                            std::uint64_t features) noexcept final;

 protected:
  /// `device` from open(), from now on of the process that runs the guest with `memory`, which outlives this.
  /// Of what a driver negotiates the kernel has `required`, and is told of those and of `known`, where it has
  /// them. Throws Error.
  Vhost(const Kind& kind, Fd device, const GuestMemory& memory, std::uint64_t required,
        std::uint64_t known = 0);

  [[nodiscard]] const Fd& device() const noexcept { return device_; }
  [[nodiscard]] std::uint64_t features() const noexcept { return features_; }

 private:
  struct Events {
    Fd bell;
    Fd interrupt;
    Fd fault;
  };

  void show_memory(const Kind& kind) const;

  Fd device_;
  const GuestMemory& memory_;
  std::uint64_t features_;
  std::array<Events, kQueues> events_;
};

/// Moves packets between a tap and a pair of queues (drivers/vhost/net.c).
class VhostNet final : public Vhost {
 public:
  /// As Vhost; `tap` is the descriptor of a tap's queue, and outlives this.
  VhostNet(Fd device, const GuestMemory& memory, int tap);

  [[nodiscard]] bool run() noexcept override { return set_backend(tap_); }
  void stop() noexcept override { (void)set_backend(kNone); }

 private:
  static constexpr int kNone = -1;

  [[nodiscard]] bool set_backend(int tap) noexcept;

  int tap_;
};

/// Has a guest's sockets among the host's (drivers/vhost/vsock.c).
class VhostVsock final : public Vhost {
 public:
  /// As Vhost; `guest_cid` is the guest's address. Throws Error, also where another guest has it.
  VhostVsock(Fd device, const GuestMemory& memory, std::uint64_t guest_cid);

  /// Those of virtio::ServedVsock that the kernel has.
  [[nodiscard]] std::uint64_t socket_features() const noexcept;
  [[nodiscard]] bool run() noexcept override { return set_running(1); }
  void stop() noexcept override { (void)set_running(0); }

 private:
  [[nodiscard]] bool set_running(int running) noexcept;
};

}  // namespace mayfly::vmm
