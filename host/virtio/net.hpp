// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/checked.hpp"
#include "base/fd.hpp"
#include "base/rate_limit.hpp"
#include "io/alarm.hpp"
#include "io/event_loop.hpp"
#include "io/packet_port.hpp"
#include "virtio/net_buffers.hpp"
#include "virtio/net_header.hpp"
#include "virtio/virtio_device.hpp"

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

/// Of one direction.
struct NetLimit {
  RateLimit limit;
  /// Whose clock it goes by.
  std::unique_ptr<io::Alarm> alarm;
};
/// None: there is no limit.
struct NetLimits {
  std::optional<NetLimit> receive{};
  std::optional<NetLimit> send{};
};

/// The network device with one pair of queues (virtio 1.2, 5.1).
///
/// Packets are moved by the thread of the event loop alone, between guest memory and the port, without a copy
/// of ours; the driver rings it by an eventfd. Both directions do a bounded number of packets at a turn, and
/// interrupt the driver once for all of them. A driver that breaks the rules of a queue loses that queue; a
/// port that is gone is a link that is down.
///
/// With a limit each packet is an operation, and costs its bytes without the header. While a direction is
/// held, what the driver sends stays in its ring and what the network sends stays in the port, and neither
/// the driver's ringing nor the port's packets wake the loop; the other direction goes on. The limit is the
/// device's, whoever its driver is: a reset gives nothing back.
class Net final : public VirtioDevice {
 public:
  using Mac = std::array<std::uint8_t, 6>;
  static constexpr std::uint16_t kReceiveQueue = 0;
  static constexpr std::uint16_t kSendQueue = 1;
  /// The longest packet: 64 KiB of IP, an Ethernet header, a VLAN tag.
  static constexpr std::uint64_t kPacketBytesMax = 65535 + 18;

  /// `port` and `loop`, which has not begun, outlive this. Throws Error.
  Net(io::PacketPort& port, io::EventLoop& loop, const Mac& mac, NetLimits limits = {});

  /// Any thread.
  [[nodiscard]] NetCounts counts() const noexcept;

  [[nodiscard]] DeviceId id() const noexcept override { return DeviceId::kNet; }
  [[nodiscard]] std::span<const std::uint16_t> queue_sizes() const noexcept override { return kQueueSizes; }
  [[nodiscard]] std::uint64_t offered_features() const noexcept override;
  [[nodiscard]] std::span<const std::byte> config() const noexcept override {
    return std::as_bytes(std::span(&config_, 1));
  }
  void activate(const Activation& activation) noexcept override;
  void notify(std::uint16_t queue) noexcept override;
  [[nodiscard]] int doorbell(std::size_t queue) const noexcept override { return bell_of(queue); }
  void reset() noexcept override;

 private:
  /// Packets of each direction at a turn.
  static constexpr std::size_t kBudget = 64;
  /// Pieces of a packet: of 48 chains, some of which have more than one.
  static constexpr std::size_t kPiecesMax = 128;
  static constexpr std::array<std::uint16_t, 2> kQueueSizes{256, 256};

  /// Calls one of the device's functions when its descriptor is ready.
  class Handler final : public io::EventHandler {
   public:
    Handler(Net& net, void (Net::*call)(io::Readiness) noexcept) noexcept : net_(net), call_(call) {}
    void ready(io::Readiness what) noexcept override { (net_.*call_)(what); }

   private:
    Net& net_;
    void (Net::*call_)(io::Readiness) noexcept;
  };

  /// With a limit each queue has its own, so that one can be left alone.
  [[nodiscard]] int bell_of(std::size_t queue) const noexcept {
    return queue == kSendQueue && send_bell_ ? send_bell_.get() : bell_.get();
  }
  void ring(std::size_t queue) noexcept;
  /// Takes what was rung, before the queues are looked at: what is rung for after that rings again. 0: it was
  /// not.
  [[nodiscard]] static std::uint64_t take_rings(const Fd& bell) noexcept;
  // Called by the loop.
  void on_bell(io::Readiness what) noexcept;
  void on_send_bell(io::Readiness what) noexcept;
  void on_port(io::Readiness what) noexcept;
  void on_receive_alarm(io::Readiness what) noexcept;
  void on_send_alarm(io::Readiness what) noexcept;
  // What follows comes with the mutex held.
  /// Watches the port, or not.
  void listen(io::Readiness what) noexcept;
  void lose_port() noexcept;
  void settle() noexcept;
  void hold_receive() noexcept;
  void hold_send() noexcept;
  /// Whether what the driver sends is to wait, for room at the port or by the limit.
  [[nodiscard]] bool holds_send() noexcept;
  void send() noexcept;
  /// Whether the driver has more, for another turn.
  [[nodiscard]] bool send_turn() noexcept;
  [[nodiscard]] std::optional<QueueFault> send_one(DescriptorChain& chain) noexcept;
  void receive() noexcept;
  enum class Received : std::uint8_t { kOne, kNoPacket, kNoBuffer };
  [[nodiscard]] Received receive_one() noexcept;

  io::PacketPort& port_;
  io::EventLoop& loop_;
  NetLimits limits_;
  /// Of both queues, or of the receiving one where send_bell_ is the other's.
  Fd bell_;
  Fd send_bell_;
  Handler bell_handler_{*this, &Net::on_bell};
  Handler send_bell_handler_{*this, &Net::on_send_bell};
  Handler receive_alarm_handler_{*this, &Net::on_receive_alarm};
  Handler send_alarm_handler_{*this, &Net::on_send_alarm};
  Handler port_handler_{*this, &Net::on_port};
  NetConfig config_;
  NetCounts counts_;
  std::span<VirtQueue> queues_;
  DriverLink* link_ = nullptr;
  std::uint64_t features_ = 0;
  NetBuffers buffers_;
  /// What the port is watched for; the loop's thread only.
  io::Readiness listening_ = 0;
  bool port_lost_ = false;
  /// The port has yet to be told what this driver takes.
  bool unsettled_ = false;
  /// Where the end of a packet goes that is longer than what the driver has room for.
  std::array<std::byte, 64 * kKiB + 64> spill_;
};

}  // namespace mayfly::virtio
