// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "io/event_loop.hpp"
#include "io/member_handler.hpp"
#include "virtio/net_pair.hpp"
#include "virtio/served_queues.hpp"

namespace mayfly::virtio {

/// A pair whose packets its server moves.
///
/// Of its port it hears when the server is to run, and only then: a thread that watched it would wake up for
/// each packet. A port that went while the server runs takes packets that go nowhere. The server's bells are
/// the loop's as long as there is no driver.
class ServedPair final : public NetPair, private ServedQueues::Owner {
 public:
  /// The pair of number `index` of a device that outlives it; `end` has a server. Throws Error.
  ServedPair(Device& device, std::size_t index, NetEnd end);

  [[nodiscard]] int bell_of(std::size_t queue) const noexcept override {
    return queues_.server().bell(queue);
  }
  [[nodiscard]] int interrupt_event(std::size_t queue) const noexcept override {
    return queues_.server().interrupt_event(queue);
  }
  void ring(std::size_t queue) noexcept override;
  void activate(std::span<VirtQueue> queues, std::uint64_t features, std::uint64_t driver) noexcept override {
    queues_.activate(queues, features, driver);
  }
  void enable(bool receives) noexcept override;
  void reset() noexcept override;
  void pause() noexcept override { queues_.pause(); }
  void resume() noexcept override { queues_.resume(); }

 private:
  // ServedQueues::Owner.
  void turn_begins() noexcept override;
  void turn_ends(bool has_driver) noexcept override;
  void broken(std::size_t queue, std::uint64_t driver) noexcept override;
  void refused(std::uint64_t driver) noexcept override;
  void driver_comes(std::uint64_t features) noexcept override;
  // Called by the loop.
  void on_bell(io::Readiness what) noexcept;

  Device& device_;
  std::size_t index_;
  io::PacketPort& port_;
  io::EventLoop& loop_;
  io::MemberHandler<ServedPair> bell_handler_{*this, &ServedPair::on_bell};
  /// Whether packets come to the port; the loop's thread only.
  bool port_receives_;
  std::atomic<bool> enabled_;
  ServedQueues queues_;
};

}  // namespace mayfly::virtio
