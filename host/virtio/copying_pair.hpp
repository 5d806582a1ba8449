// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>

#include "base/checked.hpp"
#include "base/fd.hpp"
#include "io/event_loop.hpp"
#include "io/member_handler.hpp"
#include "virtio/driver_link.hpp"
#include "virtio/net_buffers.hpp"
#include "virtio/net_limit.hpp"
#include "virtio/net_pair.hpp"

namespace mayfly::virtio {

/// The limits of both directions; null where there is none.
struct NetPairLimits {
  NetLimit* receive = nullptr;
  NetLimit* send = nullptr;
};

/// A pair whose packets we move.
///
/// The thread of its event loop alone does that, between guest memory and the port, without a copy of ours
/// but of a long packet that comes among short ones; the driver rings it by an eventfd. Both directions do a
/// bounded number of packets at a turn, and interrupt the driver once for all of them. Its own mutex, which
/// is taken with the device's held and never the other way round, keeps a turn from a change of the driver,
/// and from no other pair: what the driver is to hear of a turn the device is told after it.
class CopyingPair final : public NetPair, private DriverLink {
 public:
  /// The pair of number `index` of a device that outlives it. Throws Error.
  CopyingPair(Device& device, std::size_t index, NetEnd end, const NetPairLimits& limits);

  [[nodiscard]] NetCounts counts() const noexcept override;
  /// With a limit each queue has its own, so that one can be left alone.
  [[nodiscard]] int bell_of(std::size_t queue) const noexcept override {
    return queue == kSend && send_bell_ ? send_bell_.get() : bell_.get();
  }
  void ring(std::size_t queue) noexcept override;
  void activate(std::span<VirtQueue> queues, std::uint64_t features, std::uint64_t driver) noexcept override;
  void enable(bool receives) noexcept override;
  void reset() noexcept override;

 private:
  /// Packets of each direction at a turn.
  static constexpr std::size_t kBudget = 64;
  /// Pieces of a packet: of 48 chains, some of which have more than one.
  static constexpr std::size_t kPiecesMax = 128;
  /// A packet that comes after so many small ones, such as the other side's acknowledgements of what the
  /// guest sends, is read into few chains: the host looks at each piece of a call, and Linux gives 44 chains
  /// for 64 KiB.
  static constexpr std::size_t kSmallInARow = 8;
  static constexpr std::size_t kSmallChains = 2;
  static constexpr std::uint64_t kSmallBytes = 1600;

  using Handler = io::MemberHandler<CopyingPair>;

  // DriverLink, of its queues: kept until the turn is over.
  void queue_interrupt(std::uint16_t queue) noexcept override { news_.interrupts[queue % kQueues] = true; }
  void config_interrupt() noexcept override {}
  void needs_reset(std::uint16_t queue, QueueFault fault) noexcept override {
    news_.faults[queue % kQueues] = fault;
  }

  [[nodiscard]] std::uint64_t receive_now() const noexcept { return end_.receive_alarm->now(); }
  [[nodiscard]] std::uint64_t send_now() const noexcept { return end_.send_alarm->now(); }
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
  /// Has what spill_ has of a packet of `bytes`, all but the first `room`, go to the driver's chains,
  /// `chains` at most; whether they have room for it.
  [[nodiscard]] bool takes_spill(std::size_t chains, std::uint64_t room, std::uint64_t bytes) noexcept;

  Device& device_;
  std::size_t index_;
  NetEnd end_;
  NetPairLimits limits_;
  /// Of both queues, or of the receiving one where send_bell_ is the other's.
  Fd bell_;
  Fd send_bell_;
  Handler bell_handler_{*this, &CopyingPair::on_bell};
  Handler send_bell_handler_{*this, &CopyingPair::on_send_bell};
  Handler receive_alarm_handler_{*this, &CopyingPair::on_receive_alarm};
  Handler send_alarm_handler_{*this, &CopyingPair::on_send_alarm};
  Handler port_handler_{*this, &CopyingPair::on_port};
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
  std::size_t small_in_a_row_ = 0;
  /// Where the end of a packet goes that is longer than expected, or than what the driver has room for.
  std::array<std::byte, 64 * kKiB + 64> spill_;
};

}  // namespace mayfly::virtio
