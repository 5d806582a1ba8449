// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>

#include "base/checked.hpp"
#include "base/fd.hpp"
#include "io/alarm.hpp"
#include "io/event_loop.hpp"
#include "io/packet_port.hpp"
#include "virtio/driver_link.hpp"
#include "virtio/net_buffers.hpp"
#include "virtio/net_header.hpp"
#include "virtio/net_limit.hpp"
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
};

/// The limits of both directions; null where there is none.
struct NetPairLimits {
  NetLimit* receive = nullptr;
  NetLimit* send = nullptr;
};

/// One pair of queues of a network device, the receiving and the sending one (virtio 1.2, 5.1.2).
///
/// Packets are moved by the thread of its event loop alone, between guest memory and the port, without a copy
/// of ours; the driver rings it by an eventfd. Both directions do a bounded number of packets at a turn, and
/// interrupt the driver once for all of them. Its own mutex, which is taken with the device's held and never
/// the other way round, keeps a turn from a change of the driver, and from no other pair: what the driver is
/// to hear of a turn the device is told after it.
class NetPair final : private DriverLink {
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

  /// The pair of number `index` of a device that outlives it. Throws Error.
  NetPair(Device& device, std::size_t index, NetEnd end, const NetPairLimits& limits);

  [[nodiscard]] std::string_view port_name() const noexcept { return end_.port.name(); }
  [[nodiscard]] io::Offloads offered() const noexcept { return end_.port.offered(); }
  /// Any thread.
  [[nodiscard]] NetCounts counts() const noexcept;
  /// As VirtioDevice::doorbell(), of kReceive or kSend. With a limit each queue has its own, so that one can
  /// be left alone.
  [[nodiscard]] int bell_of(std::size_t queue) const noexcept {
    return queue == kSend && send_bell_ ? send_bell_.get() : bell_.get();
  }
  void ring(std::size_t queue) noexcept;

  // With the device's mutex held.
  void activate(std::span<VirtQueue> queues, std::uint64_t features, std::uint64_t driver) noexcept;
  /// Whether packets come to it, which at first those of the first pair alone do. When this returns with
  /// `receives` false, the driver's buffers are left alone.
  void enable(bool receives) noexcept;
  void reset() noexcept;

 private:
  /// Packets of each direction at a turn.
  static constexpr std::size_t kBudget = 64;
  /// Pieces of a packet: of 48 chains, some of which have more than one.
  static constexpr std::size_t kPiecesMax = 128;

  /// Calls one of the pair's functions when its descriptor is ready.
  class Handler final : public io::EventHandler {
   public:
    Handler(NetPair& pair, void (NetPair::*call)(io::Readiness) noexcept) noexcept
        : pair_(pair), call_(call) {}
    void ready(io::Readiness what) noexcept override { (pair_.*call_)(what); }

   private:
    NetPair& pair_;
    void (NetPair::*call_)(io::Readiness) noexcept;
  };

  // DriverLink, of its queues: kept until the turn is over.
  void queue_interrupt(std::uint16_t queue) noexcept override { news_.interrupts[queue % kQueues] = true; }
  void config_interrupt() noexcept override {}
  void needs_reset(std::uint16_t queue, QueueFault fault) noexcept override {
    news_.faults[queue % kQueues] = fault;
  }

  [[nodiscard]] std::uint64_t receive_now() const noexcept { return end_.receive_alarm->now(); }
  [[nodiscard]] std::uint64_t send_now() const noexcept { return end_.send_alarm->now(); }
  /// Takes what was rung, before the queues are looked at: what is rung for after that rings again. 0: it was
  /// not.
  [[nodiscard]] static std::uint64_t take_rings(const Fd& bell) noexcept;
  // Called by the loop.
  void on_bell(io::Readiness what) noexcept;
  void on_send_bell(io::Readiness what) noexcept;
  void on_port(io::Readiness what) noexcept;
  void on_receive_alarm(io::Readiness what) noexcept;
  void on_send_alarm(io::Readiness what) noexcept;
  /// Does that with the mutex held, and tells the device what came of it.
  template <typename Work>
  void take_turn(Work&& work) noexcept;
  /// Has packets come to the port, or not. Takes the host a while, so no mutex is held.
  void follow_enabled() noexcept;
  // What follows comes with the mutex held.
  /// Watches the port, or not.
  void listen(io::Readiness what) noexcept;
  void lose_port() noexcept;
  void settle() noexcept;
  void hold_receive(std::uint64_t until) noexcept;
  void hold_send(std::uint64_t until) noexcept;
  /// Whether what the driver sends is to wait, for room at the port or by the limit.
  [[nodiscard]] bool holds_send() noexcept;
  void send() noexcept;
  /// Whether the driver has more, for another turn.
  [[nodiscard]] bool send_turn() noexcept;
  [[nodiscard]] std::optional<QueueFault> send_one(DescriptorChain& chain) noexcept;
  void receive() noexcept;
  enum class Received : std::uint8_t { kOne, kNoPacket, kNoBuffer };
  [[nodiscard]] Received receive_one() noexcept;

  Device& device_;
  std::size_t index_;
  NetEnd end_;
  NetPairLimits limits_;
  /// Of both queues, or of the receiving one where send_bell_ is the other's.
  Fd bell_;
  Fd send_bell_;
  Handler bell_handler_{*this, &NetPair::on_bell};
  Handler send_bell_handler_{*this, &NetPair::on_send_bell};
  Handler receive_alarm_handler_{*this, &NetPair::on_receive_alarm};
  Handler send_alarm_handler_{*this, &NetPair::on_send_alarm};
  Handler port_handler_{*this, &NetPair::on_port};
  /// What the port is watched for, and whether packets come to it; the loop's thread only.
  io::Readiness listening_ = 0;
  bool port_receives_;

  mutable std::mutex mutex_;
  NetCounts counts_;
  News news_;
  /// None: there is no driver, or it has no such pair.
  std::span<VirtQueue> queues_;
  std::uint64_t features_ = 0;
  std::uint64_t driver_ = 0;
  /// Changes with the mutex held.
  std::atomic<bool> enabled_;
  NetBuffers buffers_;
  bool port_lost_ = false;
  /// The port has yet to be told what this driver takes.
  bool unsettled_ = false;
  /// Where the end of a packet goes that is longer than what the driver has room for.
  std::array<std::byte, 64 * kKiB + 64> spill_;
};

}  // namespace mayfly::virtio
