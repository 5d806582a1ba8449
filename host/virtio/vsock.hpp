// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "virtio/virtio_device.hpp"
#include "vsock/endpoint.hpp"

namespace mayfly::virtio {

/// Who works for a device that does not do so on the vCPUs' threads.
class Worker {
 public:
  Worker() = default;
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  virtual ~Worker() = default;

  /// Has the device's service() called soon, by the worker's thread. Any thread, with the device's mutex
  /// held.
  virtual void wake() noexcept = 0;
};

/// The socket device (virtio 1.2, 5.10): moves packets between its queues and a vsock::Endpoint.
///
/// The vCPUs' threads only ring: all packets are handled, and all of Streams is called, by one thread, the
/// worker's, under the mutex.
class Vsock final : public VirtioDevice {
 public:
  static constexpr std::uint16_t kReceiveQueue = 0;
  static constexpr std::uint16_t kTransmitQueue = 1;
  static constexpr std::uint16_t kEventQueue = 2;

  /// Both outlive this. Throws Error when no guest may have that CID.
  Vsock(vsock::Streams& streams, Worker& worker, std::uint64_t guest_cid);

  // The worker's thread, with the mutex not held.

  /// Does all that there is to do. When to call it again at the latest, by CLOCK_MONOTONIC in nanoseconds;
  /// vsock::Endpoint::kNever.
  std::uint64_t service() noexcept;
  /// As vsock::Endpoint has them, and the guest is told at once. A guest without a driver has no ports.
  [[nodiscard]] std::optional<vsock::Slot> ask(std::uint32_t guest_port) noexcept;
  void connected(vsock::Slot slot) noexcept;
  void refused(vsock::Slot slot) noexcept;
  void ready(vsock::Slot slot, vsock::Endpoint::Readiness what) noexcept;

  /// Any thread, with the mutex not held.
  [[nodiscard]] vsock::EndpointCounts counts() const noexcept;

  [[nodiscard]] DeviceId id() const noexcept override { return DeviceId::kSocket; }
  [[nodiscard]] std::span<const std::uint16_t> queue_sizes() const noexcept override { return kQueueSizes; }
  [[nodiscard]] std::uint64_t offered_features() const noexcept override;
  [[nodiscard]] std::span<const std::byte> config() const noexcept override {
    return std::as_bytes(std::span(&guest_cid_, 1));
  }
  void activate(const Activation& activation) noexcept override;
  void notify(std::uint16_t queue) noexcept override;
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

  Worker& worker_;
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
