// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <random>
#include <vector>

#include "testing/simulated_iommu.hpp"
#include "vfio/dma_plan.hpp"

namespace mayfly::testing {

/// What the guest of a simulation does. Its kernel takes so long however large it is: struct pages are
/// initialised lazily, so that this shows what the map costs and nothing else.
struct DmaScenario {
  enum class Guest : std::uint8_t { kHoldsMemory, kStock };

  DmaCosts costs;
  std::uint64_t ram_bytes = 0;
  Guest guest = Guest::kHoldsMemory;
  std::uint32_t max_entries = 65535;
  std::uint32_t populate_threads = 4;
  std::uint64_t inflate_at_ns = 10'000'000;
  std::uint64_t gate_at_ns = 12'000'000;
  std::uint64_t ready_after_gate_ns = 10'000'000;
  /// After ready: so many times it wants a unit back that may not be mapped yet, as far apart as this
  /// percentage of what one thread takes to populate a piece: no multiple, so that it comes at any moment of
  /// its work.
  std::uint32_t pressures = 64;
  std::uint64_t pressure_every_percent = 337;
};

/// What came of it.
struct DmaFigures {
  std::uint64_t ready_ns = 0;
  std::uint64_t fully_mapped_ns = 0;
  std::uint32_t entries_at_ready = 0;
  std::uint32_t entries = 0;
  /// Waits of a guest's call (hold, release, settle) for the map's lock.
  vfio::Latency guest_lock;
  /// From a release of a unit that is not mapped to its answer: all releases that were not answered at once.
  vfio::Latency urgent;
  std::uint64_t releases_now = 0;
};

/// Runs the real DmaPlan against a SimulatedIommu, threads and guest on a virtual clock: the same figures on
/// any machine. Asserts on the way that whoever is answered is told the truth.
class DmaSimulation {
 public:
  explicit DmaSimulation(const DmaScenario& scenario);
  DmaSimulation(const DmaSimulation&) = delete;
  DmaSimulation& operator=(const DmaSimulation&) = delete;
  ~DmaSimulation() = default;

  /// To the end: everything mapped and given back. Once.
  DmaFigures run();

 private:
  using Event = std::function<void()>;
  struct Later {
    std::uint64_t at = 0;
    std::uint64_t order = 0;
    Event event;
    bool operator<(const Later& other) const { return at != other.at ? at > other.at : order > other.order; }
  };

  void at(std::uint64_t when, Event event);
  std::uint64_t locked();
  void guest_locked();
  void work();
  void start_populate();
  void start_map();
  void answer();

  void inflate();
  void open_gate();
  void gate_is_open();
  void ready();
  void press(std::uint32_t left);
  void deflate();
  void check_invariant() const;
  [[nodiscard]] bool hold(GuestRange range);
  vfio::DmaPlan::Done done(std::uint64_t cookie);

  DmaScenario scenario_;
  SimulatedIommu iommu_;
  std::vector<GuestMemory::Region> ram_;
  vfio::DmaPlan plan_;
  std::priority_queue<Later> events_;
  std::uint64_t order_ = 0;
  std::uint64_t now_ = 0;
  std::uint64_t lock_free_at_ = 0;
  std::uint32_t idle_populators_;
  std::uint32_t idle_mappers_;
  std::minstd_rand random_{7};  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same in every run
  std::vector<GuestRange> held_;
  DmaFigures figures_;
};

}  // namespace mayfly::testing
