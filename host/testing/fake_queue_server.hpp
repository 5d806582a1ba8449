// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>

#include <fcntl.h>

#include "base/event_fd.hpp"
#include "base/fd.hpp"
#include "virtio/queue_server.hpp"

namespace mayfly::testing {

/// Serves nothing, and keeps what it was told.
class FakeQueueServer final : public virtio::QueueServer {
 public:
  /// What it was told; outlives it.
  struct Told {
    bool runs = false;
    /// Times that it was told where the rings are, to run, and to stop while it ran.
    int set_ups = 0;
    int runs_begun = 0;
    int stops = 0;
    std::array<virtio::QueueSetup, kQueues> queues{};
    std::uint64_t features = 0;
    /// What it is to refuse.
    bool refuses_set_up = false;
    bool refuses_to_run = false;
    std::array<int, kQueues> bells{};
    std::array<int, kQueues> interrupts{};
    std::array<int, kQueues> faults{};
  };

  explicit FakeQueueServer(Told& told) : told_(told) {
    for (std::size_t i = 0; i < kQueues; ++i) {
      told.bells[i] = (bells_[i] = event()).get();
      told.interrupts[i] = (interrupts_[i] = event()).get();
      // A fake loop asks by number: what else happened comes before a fault.
      told.faults[i] = (faults_[i] = Fd(::fcntl(event().get(), F_DUPFD_CLOEXEC, 512))).get();
    }
  }

  [[nodiscard]] int bell(std::size_t queue) const noexcept override { return bells_[queue].get(); }
  [[nodiscard]] int interrupt_event(std::size_t queue) const noexcept override {
    return interrupts_[queue].get();
  }
  [[nodiscard]] int fault_event(std::size_t queue) const noexcept override { return faults_[queue].get(); }
  [[nodiscard]] bool set_up(const std::array<virtio::QueueSetup, kQueues>& queues,
                            std::uint64_t features) noexcept override {
    ++told_.set_ups;
    told_.queues = queues;
    told_.features = features;
    return !told_.runs && !told_.refuses_set_up;
  }
  [[nodiscard]] bool run() noexcept override {
    ++told_.runs_begun;
    told_.runs = !told_.refuses_to_run;
    return told_.runs;
  }
  void stop() noexcept override {
    told_.stops += told_.runs ? 1 : 0;
    told_.runs = false;
  }

 private:
  static Fd event() {
    Fd event = make_event();
    if (!event) {
      throw std::runtime_error("eventfd");
    }
    return event;
  }

  Told& told_;
  std::array<Fd, kQueues> bells_;
  std::array<Fd, kQueues> interrupts_;
  std::array<Fd, kQueues> faults_;
};

}  // namespace mayfly::testing
