// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>

#include "base/fd.hpp"
#include "io/event_loop.hpp"
#include "io/member_handler.hpp"
#include "virtio/queue_server.hpp"

namespace mayfly::virtio {

/// When a server serves a pair of queues: from a driver's DRIVER_OK until its reset, but for faults and
/// pauses.
///
/// A new driver's rings are told to the server on the loop's thread, so that no vCPU waits for the host; that
/// the server stops is waited for where the driver asks. The mutex in here is taken with the device's held
/// and never the other way round.
class ServedQueues {
 public:
  static constexpr std::size_t kQueues = QueueServer::kQueues;

  /// Whose queues they are; called by the loop's thread. `driver` is who it was activated for.
  class Owner {
   public:
    Owner() = default;
    Owner(const Owner&) = delete;
    Owner& operator=(const Owner&) = delete;
    virtual ~Owner() = default;

    /// There is a turn, before all else in it; without a mutex, as what follows.
    virtual void turn_begins() noexcept {}
    virtual void turn_ends(bool /*has_driver*/) noexcept {}
    /// The driver broke the rules of a queue, and is served no more.
    virtual void broken(std::size_t queue, std::uint64_t driver) noexcept = 0;
    /// The host does not serve the driver.
    virtual void refused(std::uint64_t driver) noexcept = 0;
    /// The server is about to hear of a driver; with the mutex in here held.
    virtual void driver_comes(std::uint64_t /*features*/) noexcept {}
  };

  /// `owner` outlives this, as does `loop`, which has not begun. Throws Error.
  ServedQueues(Owner& owner, std::unique_ptr<QueueServer> server, io::EventLoop& loop);

  [[nodiscard]] const QueueServer& server() const noexcept { return *server_; }
  /// Has the loop take a turn. Any thread, whatever it has locked.
  void ask_for_turn() noexcept;

  // With the device's mutex held.
  void activate(std::span<VirtQueue> queues, std::uint64_t features, std::uint64_t driver) noexcept;
  void reset() noexcept;

  /// As of VirtioDevice.
  void pause() noexcept;
  void resume() noexcept { ask_for_turn(); }

 private:
  using Handler = io::MemberHandler<ServedQueues>;
  enum class State : std::uint8_t {
    kNoDriver,
    kNew,   ///< A driver that the server has not heard of.
    kRuns,  ///< The server does.
    kHeld,  ///< It stands still for a while.
    kDead,  ///< The driver broke the rules, or the host refused.
  };

  // Called by the loop.
  void on_turn(io::Readiness what) noexcept;
  void on_first_fault(io::Readiness what) noexcept;
  void on_second_fault(io::Readiness what) noexcept;
  void on_fault(std::size_t queue) noexcept;
  // What follows comes with the mutex held.
  /// False when the host refuses.
  [[nodiscard]] bool begin() noexcept;
  void stop() noexcept;

  Owner& owner_;
  std::unique_ptr<QueueServer> server_;
  Fd turn_;
  Handler turn_handler_{*this, &ServedQueues::on_turn};
  Handler first_fault_handler_{*this, &ServedQueues::on_first_fault};
  Handler second_fault_handler_{*this, &ServedQueues::on_second_fault};

  std::mutex mutex_;
  State state_ = State::kNoDriver;
  std::span<VirtQueue> queues_;
  std::uint64_t features_ = 0;
  std::uint64_t driver_ = 0;
};

}  // namespace mayfly::virtio
