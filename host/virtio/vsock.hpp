// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/clock.hpp"
#include "base/rate_limit.hpp"
#include "virtio/virtio_device.hpp"
#include "vsock/endpoint.hpp"
#include "vsock/guest.hpp"

namespace mayfly::virtio {

/// What a guest's sockets have done.
struct VsockCounts {
  vsock::EndpointCounts streams{};
  /// Packets waited for the limit of their direction.
  HoldCounts send_waits{};
  HoldCounts receive_waits{};
};

/// The socket device (virtio 1.2, 5.10): moves packets between its queues and a vsock::Endpoint.
///
/// The vCPUs' threads only ring: all packets are handled, and all of Streams is called, by one thread, the
/// worker's, under the mutex.
///
/// With a limit each packet is an operation, and costs its payload's bytes. While a direction is held, what
/// the guest sends stays in its ring and what the host sends in its sockets; the other direction goes on. The
/// limit is the device's, whoever its driver is: a reset gives nothing back.
class Vsock final : public VirtioDevice, public vsock::Guest {
 public:
  static constexpr std::uint16_t kReceiveQueue = 0;
  static constexpr std::uint16_t kTransmitQueue = 1;
  static constexpr std::uint16_t kEventQueue = 2;

  /// Both outlive this. `receive` limits what comes to the guest, `send` what it sends. Throws Error when no
  /// guest may have that CID.
  Vsock(vsock::Streams& streams, vsock::Worker& worker, std::uint64_t guest_cid,
        const RateLimits& receive = {}, const RateLimits& send = {}, Clock clock = &monotonic_ns);

  // vsock::Guest: with the mutex not held.
  void service() noexcept override;
  [[nodiscard]] std::uint64_t deadline_ns() const noexcept override;
  [[nodiscard]] std::optional<vsock::Slot> ask(std::uint32_t guest_port) noexcept override;
  void connected(vsock::Slot slot) noexcept override;
  void refused(vsock::Slot slot) noexcept override;
  void ready(vsock::Slot slot, vsock::Endpoint::Readiness what) noexcept override;

  /// Any thread, with the mutex not held.
  [[nodiscard]] VsockCounts counts() const noexcept;

  [[nodiscard]] DeviceId id() const noexcept override { return DeviceId::kSocket; }
  [[nodiscard]] std::span<const std::uint16_t> queue_sizes() const noexcept override { return kQueueSizes; }
  [[nodiscard]] std::uint64_t offered_features() const noexcept override;
  [[nodiscard]] std::span<const std::byte> config() const noexcept override {
    return std::as_bytes(std::span(&guest_cid_, 1));
  }
  void activate(const Activation& activation) noexcept override;
  void notify(std::uint16_t queue) noexcept override;
  [[nodiscard]] int doorbell(std::size_t /*queue*/) const noexcept override { return worker_.bell(); }
  void reset() noexcept override;

 private:
  /// Linux fills the receiving queue with buffers of 4 KiB: 256 KiB of the guest's. Of events there is none
  /// (5.10.6.7: after a migration only).
  static constexpr std::array<std::uint16_t, 3> kQueueSizes{64, 64, 8};

  // With the mutex held.
  void begin() noexcept;
  void receive() noexcept;
  [[nodiscard]] std::optional<QueueFault> take(DescriptorChain& chain) noexcept;
  void send() noexcept;

  vsock::Worker& worker_;
  Clock clock_;
  std::optional<RateLimit> receive_limit_;
  std::optional<RateLimit> send_limit_;
  /// When the worker last began.
  std::uint64_t now_ns_ = 0;
  /// 5.10.4
  std::uint64_t guest_cid_;
  std::span<VirtQueue> queues_;
  /// The driver went, and the endpoint has yet to hear of it.
  bool was_reset_ = false;
  vsock::Endpoint endpoint_;
  /// Between guest memory, which may change at any time, and the streams.
  std::array<std::byte, vsock::ReceiveCredit::kBufferBytes> bounce_;
};

}  // namespace mayfly::virtio
