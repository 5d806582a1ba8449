// SPDX-License-Identifier: Apache-2.0
#include "testing/dma_simulation.hpp"

#include <algorithm>
#include <utility>

namespace mayfly::testing {
namespace {

constexpr std::uint64_t kUnit = HeldMemory::kUnit;
constexpr std::uint64_t kLowRamMax = 3 * kGiB;
// What a small kernel and its drivers use when the balloon is full: the low end, and some at the very top.
constexpr std::uint64_t kUsedLow = 256 * kMiB;
constexpr std::uint64_t kUsedTop = 64 * kMiB;

// What the guest takes to give back some of what it holds.
constexpr std::uint64_t kDeflateStepNs = 100'000;

// Cookies. Any other is the address of a unit that the guest wants back.
constexpr std::uint64_t kGate = 1;
constexpr std::uint64_t kDeflate = 2;

std::vector<GuestMemory::Region> ram_of(std::uint64_t bytes) {
  std::byte* host = nowhere();
  const std::uint64_t low = std::min(bytes, kLowRamMax);
  std::vector<GuestMemory::Region> ram{{{GuestAddress(0), low}, host}};
  if (bytes > low) {
    ram.push_back({{GuestAddress(4 * kGiB), bytes - low}, host + low});
  }
  return ram;
}

vfio::DmaRules rules_of(const DmaScenario& scenario) {
  vfio::DmaRules rules;
  rules.pieces = vfio::PieceRules::for_pages(scenario.costs.page_bytes);
  rules.pieces.max_pieces = scenario.max_entries;
  rules.background = vfio::Background::kWhenTold;
  return rules;
}

}  // namespace

DmaSimulation::DmaSimulation(const DmaScenario& scenario)
    : scenario_(scenario),
      iommu_(scenario.costs, scenario.max_entries),
      ram_(ram_of(scenario.ram_bytes)),
      plan_(ram_, rules_of(scenario)),
      idle_populators_(scenario.populate_threads),
      idle_mappers_(scenario.costs.parallel_mappers) {}

DmaFigures DmaSimulation::run() {
  if (scenario_.guest == DmaScenario::Guest::kHoldsMemory) {
    at(scenario_.inflate_at_ns, [this] { inflate(); });
  }
  at(scenario_.gate_at_ns, [this] { open_gate(); });
  work();
  while (!events_.empty()) {
    const Later next = events_.top();
    events_.pop();
    now_ = next.at;
    next.event();
    work();
  }
  MAYFLY_ASSERT(plan_.is_all_mapped() && plan_.counters().held_bytes == 0);
  figures_.fully_mapped_ns = plan_.counters().all_mapped_ns;
  figures_.entries = plan_.counters().entries;
  figures_.releases_now = plan_.counters().releases_now;
  figures_.urgent = plan_.counters().releases_later;
  return figures_;
}

void DmaSimulation::at(std::uint64_t when, Event event) { events_.push({when, order_++, std::move(event)}); }

// Takes the lock for one call; how long that waited.
std::uint64_t DmaSimulation::locked() {
  const std::uint64_t begin = std::max(now_, lock_free_at_);
  lock_free_at_ = begin + scenario_.costs.locked_ns;
  return begin - now_;
}

void DmaSimulation::guest_locked() { figures_.guest_lock.add(locked()); }

// What DmaMap's threads do, each when it is idle.
void DmaSimulation::work() {
  start_populate();
  answer();
  start_map();
}

void DmaSimulation::start_populate() {
  while (idle_populators_ != 0) {
    const auto piece = plan_.begin_populate();
    if (!piece.has_value()) {
      return;
    }
    --idle_populators_;
    const std::uint64_t ns = locked() + iommu_.populate_ns(plan_.table()[*piece].guest.bytes);
    at(now_ + ns, [this, piece] {
      (void)locked();
      plan_.end_populate(*piece);
      ++idle_populators_;
    });
  }
}

void DmaSimulation::start_map() {
  while (idle_mappers_ != 0) {
    const auto job = plan_.begin_map();
    if (!job.has_value()) {
      return;
    }
    --idle_mappers_;
    const std::uint64_t ns = locked() + iommu_.map_ns(plan_.guest(*job).bytes);
    at(now_ + ns, [this, job] {
      (void)locked();
      iommu_.map(plan_.guest(*job));
      plan_.end_map(*job, now_);
      ++idle_mappers_;
    });
  }
}

void DmaSimulation::answer() {
  while (const auto due = plan_.take_due()) {
    (void)locked();
    due->call(due->owner, due->cookie);
  }
}

vfio::DmaPlan::Done DmaSimulation::done(std::uint64_t cookie) {
  return {[](void* owner, std::uint64_t what) noexcept {
            auto& self = *static_cast<DmaSimulation*>(owner);
            if (what == kGate) {
              self.gate_is_open();
            } else if (what == kDeflate) {
              self.at(self.now_, [&self] { self.deflate(); });
            } else {
              MAYFLY_ASSERT(self.iommu_.books().reaches({GuestAddress(what), kUnit}));
            }
          },
          this, cookie};
}

bool DmaSimulation::hold(GuestRange range) {
  guest_locked();
  held_.push_back(range);
  return plan_.hold(range, now_).has_value();
}

void DmaSimulation::inflate() {
  for (const GuestMemory::Region& region : ram_) {
    const bool is_low = region.guest.start == GuestAddress(0);
    const bool is_last = &region == &ram_.back();
    const std::uint64_t from = region.guest.start.raw() + (is_low ? kUsedLow : 0);
    const std::uint64_t to = region.guest.start.raw() + region.guest.bytes - (is_last ? kUsedTop : 0);
    MAYFLY_ASSERT(hold({GuestAddress(from), to - from}));
  }
}

void DmaSimulation::open_gate() {
  guest_locked();
  if (plan_.settle(done(kGate), now_) == HeldMemory::Answer::kNow) {
    gate_is_open();
  }
}

void DmaSimulation::gate_is_open() {
  check_invariant();
  at(now_ + scenario_.ready_after_gate_ns, [this] { ready(); });
}

// Everything that is not held can be reached. What the simulated guest holds only shrinks by releases.
void DmaSimulation::check_invariant() const {
  for (const GuestMemory::Region& region : ram_) {
    std::uint64_t from = region.guest.start.raw();
    for (const GuestRange& held : held_) {
      if (region.guest.contains(held.start)) {
        const std::uint64_t bytes = held.start.raw() - from;
        MAYFLY_ASSERT(bytes == 0 || iommu_.books().reaches({GuestAddress(from), bytes}));
        from = held.start.raw() + held.bytes;
      }
    }
    const std::uint64_t rest = region.guest.start.raw() + region.guest.bytes - from;
    MAYFLY_ASSERT(rest == 0 || iommu_.books().reaches({GuestAddress(from), rest}));
  }
}

void DmaSimulation::ready() {
  figures_.ready_ns = now_;
  figures_.entries_at_ready = plan_.counters().entries;
  plan_.begin_background();
  if (held_.empty()) {
    return;
  }
  press(scenario_.pressures);
}

// The guest is short of memory and takes some back from where the background is not.
void DmaSimulation::press(std::uint32_t left) {
  if (left == 0 || plan_.is_all_mapped()) {
    deflate();
    return;
  }
  const GuestRange& from = held_[random_() % held_.size()];
  const GuestRange unit{GuestAddress(from.start.raw() + random_() % (from.bytes / kUnit) * kUnit), kUnit};
  guest_locked();
  const auto answer = plan_.release(unit, done(unit.start.raw()), now_);
  MAYFLY_ASSERT(answer.has_value() || answer.error() == HeldFault::kNotHeld);
  const std::uint64_t piece_ns = iommu_.populate_ns(plan_.table()[0].guest.bytes);
  at(now_ + piece_ns * scenario_.pressure_every_percent / 100, [this, left] { press(left - 1); });
}

// The balloon gives back what is mapped, as it becomes so, a GiB at a time.
void DmaSimulation::deflate() {
  guest_locked();
  if (const auto run = plan_.next_ready_run(GuestAddress(0))) {
    const GuestRange part{run->start, std::min(run->bytes, kGiB)};
    const auto answer = plan_.release(part, {}, now_);
    MAYFLY_ASSERT(answer == HeldMemory::Answer::kNow);
    MAYFLY_ASSERT(iommu_.books().reaches(part));
  } else if (plan_.counters().held_bytes == 0 ||
             plan_.when_ready(kGiB, done(kDeflate), now_) == HeldMemory::Answer::kLater) {
    return;
  }
  at(now_ + kDeflateStepNs, [this] { deflate(); });
}

}  // namespace mayfly::testing
