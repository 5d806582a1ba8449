// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/rate_limit.hpp"
#include "io/alarm.hpp"
#include "io/event_loop.hpp"
#include "io/packet_port.hpp"
#include "virtio/queue_fault.hpp"
#include "virtio/queue_server.hpp"
#include "virtio/virt_queue.hpp"

namespace mayfly::virtio {

/// What a network device has done.
struct NetCounts {
  std::uint64_t sent_packets = 0;
  std::uint64_t sent_bytes = 0;
  /// The port refused them.
  std::uint64_t sent_dropped = 0;
  std::uint64_t received_packets = 0;
  std::uint64_t received_bytes = 0;
  /// The driver could not have taken them.
  std::uint64_t received_dropped = 0;
  /// Times that the driver rang.
  std::uint64_t notifications = 0;
  /// Packets waited for the limit of their direction.
  HoldCounts send_waits{};
  HoldCounts receive_waits{};
};

inline NetCounts& operator+=(NetCounts& sum, const NetCounts& more) noexcept {
  sum.sent_packets += more.sent_packets;
  sum.sent_bytes += more.sent_bytes;
  sum.sent_dropped += more.sent_dropped;
  sum.received_packets += more.received_packets;
  sum.received_bytes += more.received_bytes;
  sum.received_dropped += more.received_dropped;
  sum.notifications += more.notifications;
  sum.send_waits += more.send_waits;
  sum.receive_waits += more.receive_waits;
  return sum;
}

/// Where one pair of queues leads, and who serves it; all that is referred to outlives the device.
struct NetEnd {
  io::PacketPort& port;
  /// Has not begun.
  io::EventLoop& loop;
  /// Of a direction that has a limit: of the loop's thread, and all of a device by the same clock.
  std::unique_ptr<io::Alarm> receive_alarm{};
  std::unique_ptr<io::Alarm> send_alarm{};
  /// Moves the packets, of a device without limits; null: we do.
  std::unique_ptr<QueueServer> server{};
};

/// One pair of queues of a network device, the receiving and the sending one (virtio 1.2, 5.1.2), and what
/// moves packets between them and its port: copying_pair.hpp, served_pair.hpp.
///
/// What the driver is to hear the device is told on the loop's thread.
class NetPair {
 public:
  static constexpr std::uint16_t kReceive = 0;
  static constexpr std::uint16_t kSend = 1;
  static constexpr std::uint16_t kQueues = 2;
  /// The longest packet: 64 KiB of IP, an Ethernet header, a VLAN tag.
  static constexpr std::uint64_t kPacketBytesMax = 65535 + 18;

  /// What the driver is to hear of a turn.
  struct News {
    std::array<bool, kQueues> interrupts{};
    std::array<std::optional<QueueFault>, kQueues> faults{};
    bool port_is_lost = false;

    [[nodiscard]] bool any() const noexcept {
      return interrupts[kReceive] || interrupts[kSend] || faults[kReceive] || faults[kSend] || port_is_lost;
    }
  };
  /// Whose pair it is. Called by the loop's thread without the pair's mutex.
  class Device {
   public:
    Device() = default;
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;
    virtual ~Device() = default;

    /// `driver` is who it was activated for.
    virtual void tell(std::size_t pair, std::uint64_t driver, const News& news) noexcept = 0;
    /// The driver rang for a queue that it has no pair of.
    virtual void rung_without_a_pair() noexcept = 0;
  };

  NetPair() = default;
  NetPair(const NetPair&) = delete;
  NetPair& operator=(const NetPair&) = delete;
  virtual ~NetPair() = default;

  /// Any thread. Nothing, where others move the packets.
  [[nodiscard]] virtual NetCounts counts() const noexcept { return {}; }
  /// As VirtioDevice::doorbell() and interrupt_event(), of kReceive or kSend.
  [[nodiscard]] virtual int bell_of(std::size_t queue) const noexcept = 0;
  [[nodiscard]] virtual int interrupt_event(std::size_t /*queue*/) const noexcept { return -1; }
  virtual void ring(std::size_t queue) noexcept = 0;

  // With the device's mutex held.
  virtual void activate(std::span<VirtQueue> queues, std::uint64_t features,
                        std::uint64_t driver) noexcept = 0;
  /// Whether packets come to it, which at first those of the first pair alone do. When this returns with
  /// `receives` false, the driver's buffers are left alone.
  virtual void enable(bool receives) noexcept = 0;
  virtual void reset() noexcept = 0;
  /// As of VirtioDevice.
  virtual void pause() noexcept {}
  virtual void resume() noexcept {}
};

}  // namespace mayfly::virtio
