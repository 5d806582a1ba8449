// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>

#include "base/fd.hpp"
#include "io/event_loop.hpp"
#include "io/member_handler.hpp"
#include "virtio/net_pair.hpp"

namespace mayfly::virtio {

/// A pair whose packets its server moves.
///
/// Of its port it hears when the server is to run, and only then: a thread that watched it would wake up for
/// each packet. A port that went while the server runs takes packets that go nowhere.
///
/// What a new driver takes is told to port and server on the loop's thread, so that no vCPU waits for the
/// host; that the server stops is waited for where the driver asks. The server's bells are the loop's as long
/// as there is no driver. Its own mutex is taken with the device's held and never the other way round.
class ServedPair final : public NetPair {
 public:
  /// The pair of number `index` of a device that outlives it; `end` has a server. Throws Error.
  ServedPair(Device& device, std::size_t index, NetEnd end);

  [[nodiscard]] int bell_of(std::size_t queue) const noexcept override { return end_.server->bell(queue); }
  [[nodiscard]] int interrupt_event(std::size_t queue) const noexcept override {
    return end_.server->interrupt_event(queue);
  }
  void ring(std::size_t queue) noexcept override;
  void activate(std::span<VirtQueue> queues, std::uint64_t features, std::uint64_t driver) noexcept override;
  void enable(bool receives) noexcept override;
  void reset() noexcept override;
  void pause() noexcept override;
  void resume() noexcept override;

 private:
  using Handler = io::MemberHandler<ServedPair>;
  enum class State : std::uint8_t {
    kNoDriver,
    kNew,   ///< A driver that the server has not heard of.
    kRuns,  ///< The server does.
    kHeld,  ///< It stands still for a while.
    kDead,  ///< The driver broke the rules, or the host refused.
  };

  // Called by the loop.
  void on_turn(io::Readiness what) noexcept;
  void on_bell(io::Readiness what) noexcept;
  void on_receive_fault(io::Readiness what) noexcept;
  void on_send_fault(io::Readiness what) noexcept;
  void on_fault(std::size_t queue) noexcept;
  void follow_enabled() noexcept;
  /// Has the loop do what there is to do.
  void ask_for_turn() noexcept;
  // What follows comes with the mutex held.
  /// False when the host refuses.
  [[nodiscard]] bool begin() noexcept;
  void stop() noexcept;

  Device& device_;
  std::size_t index_;
  NetEnd end_;
  Fd turn_;
  Handler turn_handler_{*this, &ServedPair::on_turn};
  Handler bell_handler_{*this, &ServedPair::on_bell};
  Handler receive_fault_handler_{*this, &ServedPair::on_receive_fault};
  Handler send_fault_handler_{*this, &ServedPair::on_send_fault};
  /// Whether packets come to the port; the loop's thread only.
  bool port_receives_;
  std::atomic<bool> enabled_;

  std::mutex mutex_;
  State state_ = State::kNoDriver;
  std::span<VirtQueue> queues_;
  std::uint64_t features_ = 0;
  std::uint64_t driver_ = 0;
};

}  // namespace mayfly::virtio
