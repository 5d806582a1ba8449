// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "memory/guest_memory.hpp"
#include "memory/held_memory.hpp"
#include "memory/populate.hpp"
#include "vfio/dma_counters.hpp"
#include "vfio/dma_failure.hpp"
#include "vfio/dma_plan.hpp"
#include "vfio/iommu.hpp"

namespace mayfly::vfio {

/// How a DmaMap works.
struct DmaMapConfig {
  DmaRules rules;
  /// Threads that populate; 1 at least.
  std::uint32_t populate_threads = 1;
  /// IOMMU entries that are left for others (BARs, persistent memory).
  std::uint32_t reserved_entries = 0;
  /// memlock_limit(): too little is found before anything begins.
  std::optional<std::uint64_t> memlock_limit = std::nullopt;
  /// Called first of all by each thread of the map, when not null.
  void (*thread_starts)() noexcept = nullptr;
};

/// Makes guest RAM reachable for passed-through devices while the guest already runs: populates and maps it
/// piece by piece, each byte once, on threads of its own; what somebody waits for goes first. One a VM.
///
/// Its HeldMemory answers a release only once what is released is mapped, and settle() only once all else is;
/// DmaPlan decides, this lends it threads, a lock and a clock. Everything is unmapped when it ends.
class DmaMap final : public HeldMemory {
 public:
  /// Whom to tell, once, that the host refused to map after guest_starts(): from then on what is not mapped
  /// never will be, and is never answered. From a thread of the map, without a lock; it may not end the map.
  struct OnFailure {
    void (*call)(void* owner) noexcept = nullptr;
    void* owner = nullptr;
  };
  /// How a wait for the invariant ended.
  enum class Settled : std::uint8_t { kYes, kFailed, kStopped };

  /// Begins at once, with the window. All but `config` must outlive it. Throws Error when the IOMMU has too
  /// few entries, RLIMIT_MEMLOCK is too low or the host has no thread. Block signals before, for the threads
  /// inherit the mask.
  DmaMap(Iommu& iommu, Populate& populate, std::span<const GuestMemory::Region> ram,
         const DmaMapConfig& config, OnFailure on_failure);
  DmaMap(const DmaMap&) = delete;
  DmaMap& operator=(const DmaMap&) = delete;
  /// Waits for calls to the host that are under way, then unmaps. No Done is called any more.
  ~DmaMap() override;

  /// To be called before the first vCPU runs. Throws Error when the host has refused so far.
  void guest_starts();
  /// Maps what nobody waits for too (Background::kWhenTold). Any thread.
  void begin_background() noexcept;
  /// Lets all that nobody waits for rest until begin_background() (Background::kAhead). What a thread has
  /// begun it stops some milliseconds later at most. Any thread.
  void pause_background() noexcept;
  /// Settles and waits for it: the bus-master gate. Returns at once when it is so already. It waits for work
  /// of the host only, never for the guest; request_stop() ends it. Any thread.
  [[nodiscard]] Settled wait_settled() noexcept;
  /// Begins nothing more and ends every wait; does not wait itself. Any thread.
  void request_stop() noexcept;

  /// What the host refused; nothing when it did not. Any thread.
  [[nodiscard]] std::optional<DmaFailure> failure() const noexcept;
  /// failure() as a sentence with cause and mend; there must be one. Any thread.
  [[nodiscard]] std::string describe_failure() const;
  /// Where it stands. Any thread.
  [[nodiscard]] DmaCounters counters() const noexcept;

  [[nodiscard]] Result<void, HeldFault> hold(GuestRange range) noexcept override;
  [[nodiscard]] Result<Answer, HeldFault> release(GuestRange range, Done done) noexcept override;
  [[nodiscard]] Answer release_all(Done done) noexcept override;
  [[nodiscard]] Answer settle(Done done) noexcept override;
  [[nodiscard]] Answer when_ready(std::uint64_t bytes, Done done) noexcept override;
  [[nodiscard]] std::optional<GuestRange> next_ready_run(GuestAddress from) const noexcept override;
  [[nodiscard]] bool is_all_ready() const noexcept override { return plan_.is_all_mapped(); }
  void forget(const void* owner) noexcept override;

 private:
  void start_threads(std::uint32_t populate_threads, void (*first)() noexcept);
  void join() noexcept;
  void populate_loop() noexcept;
  void map_loop(std::size_t mapper) noexcept;
  void populate_one(PieceIndex piece, std::unique_lock<std::mutex>& lock) noexcept;
  void map_one(MapJob job, std::unique_lock<std::mutex>& lock) noexcept;
  void call_one(std::size_t mapper, std::unique_lock<std::mutex>& lock) noexcept;
  void fail(const DmaFailure& failure, std::unique_lock<std::mutex>& lock) noexcept;
  void wake() noexcept;

  Iommu& iommu_;
  Populate& populate_;
  OnFailure on_failure_;

  mutable std::mutex mutex_;  // guards all below, but what the plan marks "Any thread"
  std::condition_variable populate_work_;
  std::condition_variable map_work_;
  std::condition_variable progress_;
  DmaPlan plan_;
  Calls populate_calls_;
  Calls map_calls_;
  std::uint64_t populated_bytes_ = 0;
  std::vector<const void*> calling_;  // by mapper: the owner whose Done it is just calling
  std::optional<DmaFailure> failure_;
  bool guest_started_ = false;
  bool stopping_ = false;

  std::vector<std::thread> threads_;  // last: they use all of the above
};

}  // namespace mayfly::vfio
