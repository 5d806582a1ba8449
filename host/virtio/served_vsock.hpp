// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "virtio/served_queues.hpp"
#include "virtio/virtio_device.hpp"

namespace mayfly::virtio {

/// The socket device (virtio 1.2, 5.10) whose packets its server moves: the host's kernel, which has the
/// guest's sockets among its own.
class ServedVsock final : public VirtioDevice, private ServedQueues::Owner {
 public:
  /// What a driver may be offered (5.10.3).
  static constexpr std::uint64_t kStreams = 1ULL << 0U;
  static constexpr std::uint64_t kPackets = 1ULL << 1U;

  /// `features`: of kStreams and kPackets, what the server does. `loop` has not begun, and outlives this.
  /// Throws Error.
  ServedVsock(std::unique_ptr<QueueServer> server, std::uint64_t features, std::uint64_t guest_cid,
              io::EventLoop& loop);

  [[nodiscard]] DeviceId id() const noexcept override { return DeviceId::kSocket; }
  [[nodiscard]] std::span<const std::uint16_t> queue_sizes() const noexcept override { return kQueueSizes; }
  [[nodiscard]] std::uint64_t offered_features() const noexcept override;
  [[nodiscard]] std::span<const std::byte> config() const noexcept override {
    return std::as_bytes(std::span(&guest_cid_, 1));
  }
  void activate(const Activation& activation) noexcept override;
  void notify(std::uint16_t queue) noexcept override;
  [[nodiscard]] int doorbell(std::size_t queue) const noexcept override;
  [[nodiscard]] int interrupt_event(std::size_t queue) const noexcept override;
  void reset() noexcept override;
  void pause() noexcept override { queues_.pause(); }
  void resume() noexcept override { queues_.resume(); }

 private:
  /// Receiving, sending; and events, of which there are none: the guest does not move to another host.
  static constexpr std::array<std::uint16_t, 3> kQueueSizes{256, 256, 8};

  // ServedQueues::Owner.
  void broken(std::size_t queue, std::uint64_t driver) noexcept override;
  void refused(std::uint64_t driver) noexcept override { broken(0, driver); }

  std::uint64_t features_;
  std::uint64_t guest_cid_;
  ServedQueues queues_;
  DriverLink* link_ = nullptr;
  /// Which it is: one more after each reset.
  std::uint64_t driver_ = 0;
};

}  // namespace mayfly::virtio
