// SPDX-License-Identifier: Apache-2.0
// Guest, host threads and host failures in any order against DmaPlan, beside a model of a few obvious arrays;
// after each step the invariant is checked: what is not held is mapped, from the moment that a settle was
// answered.
#include <algorithm>
#include <array>
#include <bitset>
#include <cstdint>
#include <fuzzer/FuzzedDataProvider.h>
#include <limits>
#include <set>
#include <vector>

#include "base/checked.hpp"
#include "base/error.hpp"
#include "testing/fake_iommu.hpp"
#include "vfio/dma_map_fuzz_model.hpp"
#include "vfio/dma_plan.hpp"
#include "vfio/waiting.hpp"

namespace mayfly::vfio {
namespace {

class Fuzz {
 public:
  explicit Fuzz(FuzzedDataProvider& input)
      : input_(input), iommu_({.max_entries = 64}), rules_(some_rules(input)), plan_(ram(), rules_) {}

  void run() {
    for (int step = 0; step < 1000 && input_.remaining_bytes() > 0; ++step) {
      act();
      answer();
      check();
    }
    finish();
  }

 private:
  struct Request {
    Units units;
    bool is_open = false;
    bool is_settle = false;
    bool is_release = false;
  };

  static std::array<GuestMemory::Region, 2> ram() {
    std::byte* host = testing::nowhere();
    return {{{{GuestAddress(0), kLowUnits * kUnit}, host},
             {{GuestAddress(kHighStart), kHighUnits * kUnit}, host + kLowUnits * kUnit}}};
  }
  static DmaRules some_rules(FuzzedDataProvider& input) {
    return {.pieces = {.piece_bytes = kUnit << input.ConsumeIntegralInRange(0U, 3U),
                       .window_bytes = kUnit << input.ConsumeIntegralInRange(0U, 4U),
                       .max_pieces = input.ConsumeIntegralInRange<std::uint32_t>(3, 64)},
            .busy_merge_bytes = kUnit << input.ConsumeIntegralInRange(0U, 4U),
            .idle_merge_bytes = kUnit << input.ConsumeIntegralInRange(0U, 6U),
            .background =
                input.PickValueInArray({Background::kAtOnce, Background::kWhenTold, Background::kAhead})};
  }

  void act() {
    ++now_;
    switch (input_.ConsumeIntegralInRange(0, 15)) {
      case 0:
      case 1:
        hold(some_range());
        break;
      case 2:
      case 3:
        release(some_range());
        break;
      case 4:
        ask([this] { release_all(); });
        break;
      case 5:
        ask([this] { settle(); });
        break;
      case 6:
        ask([this] { when_ready(); });
        break;
      case 7:
        ready_run(GuestAddress(some_address()));
        break;
      case 8:
        plan_.begin_background();
        break;
      case 9:
        begin_populate();
        break;
      case 10:
        end_populate();
        break;
      case 11:
        begin_map();
        break;
      case 12:
        end_map();
        break;
      case 13:
        hold_the_rest();
        break;
      case 14:
        release_scattered();
        break;
      default:
        rarely();
        break;
    }
  }

  void rarely() {
    switch (input_.ConsumeIntegralInRange(0, 15)) {
      case 0:
        plan_.fail();
        failed_ = true;
        break;
      case 1:
        plan_.pause_background();
        break;
      case 2:
        plan_.forget(this);
        for (Request& request : requests_) {
          request.is_open = false;
        }
        break;
      default:
        break;
    }
  }

  std::uint64_t some_address() {
    return input_.ConsumeBool() ? address_of(input_.ConsumeIntegralInRange<std::uint64_t>(0, kUnits - 1))
                                : input_.ConsumeIntegral<std::uint64_t>();
  }
  GuestRange some_range() {
    const GuestAddress start(some_address());
    return {start, input_.ConsumeBool() ? input_.ConsumeIntegralInRange<std::uint64_t>(0, kUnits) * kUnit
                                        : input_.ConsumeIntegral<std::uint64_t>()};
  }

  void hold(GuestRange range) {
    const Units units = range.start.raw() % kUnit == 0 ? units_of(range) : Units{};
    const bool allowed = units.any() && (units & held_).none();
    MAYFLY_ASSERT(plan_.hold(range, now_).has_value() == allowed);
    if (allowed) {
      held_ |= units;
      order_.note(units & ~mapped_, plan_.table());
    }
  }

  // What a balloon does to all that is left.
  void hold_the_rest() {
    for (std::uint64_t unit = 0; unit < kUnits; ++unit) {
      if (!held_.test(unit)) {
        hold({GuestAddress(address_of(unit)), kUnit});
      }
    }
  }
  // Every nth unit, so that nothing is one run.
  void release_scattered() {
    const auto stride = input_.ConsumeIntegralInRange<std::uint64_t>(1, 9);
    for (std::uint64_t unit = 0; unit < kUnits; unit += stride) {
      release({GuestAddress(address_of(unit)), kUnit});
    }
  }

  void release(GuestRange range) {
    const Units units = range.start.raw() % kUnit == 0 ? units_of(range) : Units{};
    const bool allowed = units.any() && (units & ~held_).none() && (units & releasing_).none();
    const auto result = plan_.release(range, open({.units = units, .is_release = true}), now_);
    MAYFLY_ASSERT(result.has_value() == allowed);
    if (!allowed) {
      requests_.pop_back();
      return;
    }
    const bool at_once = (units & ~mapped_).none();
    MAYFLY_ASSERT((*result == HeldMemory::Answer::kNow) == at_once);
    // What is mapped of it is the guest's at once, so that it may even promise it again.
    held_ &= ~(units & mapped_);
    releasing_ |= units & ~mapped_;
    requests_.back().is_open = !at_once;
  }

  /// Front ends and vCPUs, each of which waits for its last request.
  static constexpr std::size_t kAskers = 200;
  static_assert(kAskers < Waiting::kRequestsMax);

  template <typename Asking>
  void ask(Asking&& asking) {
    if (requests_open() < kAskers) {
      asking();
    }
  }

  void release_all() {
    const auto answer = plan_.release_all(open({.units = held_, .is_release = true}), now_);
    held_ &= ~(held_ & mapped_);
    releasing_ |= held_;
    MAYFLY_ASSERT((answer == HeldMemory::Answer::kNow) == releasing_.none());
    requests_.back().is_open = answer == HeldMemory::Answer::kLater;
  }

  void settle() {
    const auto answer = plan_.settle(open({.is_settle = true}), now_);
    settled_ = settled_ || answer == HeldMemory::Answer::kNow;
    requests_.back().is_open = answer == HeldMemory::Answer::kLater;
  }

  void when_ready() {
    const std::uint64_t bytes = input_.ConsumeIntegralInRange<std::uint64_t>(0, kUnits + 1) * kUnit;
    const auto answer = plan_.when_ready(bytes, open({}), now_);
    const Units ready = order_.ready(held_, mapped_, plan_.table());
    const bool now = ready.count() * kUnit >= bytes || ready == held_;
    MAYFLY_ASSERT((answer == HeldMemory::Answer::kNow) == now);
    requests_.back().is_open = !now;
  }

  void ready_run(GuestAddress from) {
    const Units ready = held_ & mapped_;
    std::uint64_t first = 0;
    while (first < kUnits && (address_of(first) < from.raw() || !ready.test(first))) {
      ++first;
    }
    const auto run = plan_.next_ready_run(from);
    MAYFLY_ASSERT(run.has_value() == (first < kUnits));
    if (run.has_value()) {
      std::uint64_t end = first + 1;
      while (end < kUnits && end != kLowUnits && ready.test(end)) {
        ++end;
      }
      MAYFLY_ASSERT(*run == (GuestRange{GuestAddress(address_of(first)), (end - first) * kUnit}));
    }
  }

  void begin_populate() {
    const auto piece = plan_.begin_populate();
    MAYFLY_ASSERT(!failed_ || !piece.has_value());
    if (piece.has_value()) {
      MAYFLY_ASSERT(populated_.count(*piece) == 0);
      populated_.insert(*piece);
      populating_.push_back(*piece);
    }
  }
  void end_populate() {
    if (!populating_.empty()) {
      const std::size_t which = input_.ConsumeIntegralInRange<std::size_t>(0, populating_.size() - 1);
      plan_.end_populate(populating_[which]);
      populating_.erase(populating_.begin() + static_cast<std::ptrdiff_t>(which));
    }
  }
  void begin_map() {
    const auto job = plan_.begin_map();
    MAYFLY_ASSERT(!failed_ || !job.has_value());
    if (job.has_value()) {
      const std::uint64_t cap = std::max(rules_.busy_merge_bytes, rules_.idle_merge_bytes);
      MAYFLY_ASSERT(job->count == 1 || plan_.guest(*job).bytes <= cap);
      for (PieceIndex piece = job->first; piece < job->first + job->count; ++piece) {
        MAYFLY_ASSERT(populated_.count(piece) == 1);
        for (const PieceIndex populating : populating_) {
          MAYFLY_ASSERT(populating != piece);
        }
      }
      mapping_.push_back(*job);
    }
  }
  void end_map() {
    if (mapping_.empty()) {
      return;
    }
    const std::size_t which = input_.ConsumeIntegralInRange<std::size_t>(0, mapping_.size() - 1);
    const MapJob job = mapping_[which];
    mapping_.erase(mapping_.begin() + static_cast<std::ptrdiff_t>(which));
    const GuestRange range = plan_.guest(job);
    // The books of the IOMMU refuse what overlaps.
    MAYFLY_ASSERT(iommu_.map(range.start, nullptr, range.bytes, Access::kReadWrite).has_value());
    const Units units = units_of(range);
    MAYFLY_ASSERT(units.any());
    mapped_ |= units;
    held_ &= ~(releasing_ & units);
    releasing_ &= ~units;
    plan_.end_map(job, now_);
  }

  // A Done for a request that is not made yet. Cookies are never used again.
  HeldMemory::Done open(Request request) {
    requests_.push_back(request);
    return {[](void* owner, std::uint64_t cookie) noexcept { static_cast<Fuzz*>(owner)->done(cookie); }, this,
            requests_.size() - 1};
  }
  void done(std::uint64_t cookie) noexcept {
    Request& request = requests_.at(cookie);
    MAYFLY_ASSERT(request.is_open);
    request.is_open = false;
    if (request.is_release) {
      MAYFLY_ASSERT((request.units & ~mapped_).none());
    }
    settled_ = settled_ || request.is_settle;
  }
  void answer() {
    // Not always at once: mappers are busy too.
    if (input_.ConsumeBool()) {
      while (const auto due = plan_.take_due()) {
        due->call(due->owner, due->cookie);
      }
    }
  }
  [[nodiscard]] std::size_t requests_open() const {
    std::size_t open = 0;
    for (const Request& request : requests_) {
      open += request.is_open ? 1U : 0U;
    }
    return open;
  }

  void check() const {
    const Units exposed = ~held_ & ~mapped_;
    MAYFLY_ASSERT(!settled_ || exposed.none());
    MAYFLY_ASSERT(plan_.is_settled() == exposed.none());
    MAYFLY_ASSERT(plan_.is_all_mapped() == mapped_.all());
    const DmaCounters counters = plan_.counters();
    MAYFLY_ASSERT(counters.held_bytes == held_.count() * kUnit);
    MAYFLY_ASSERT(counters.mapped_bytes == mapped_.count() * kUnit);
    MAYFLY_ASSERT(counters.entries == iommu_.entries());
    MAYFLY_ASSERT(counters.pieces <= rules_.pieces.max_pieces);
  }

  // What threads do until nothing is left to do, and who is answered then.
  void work() {
    for (bool is_busy = true; is_busy;) {
      const std::size_t before = populated_.size() + mapped_.count();
      begin_populate();
      while (!populating_.empty()) {
        end_populate();
      }
      begin_map();
      while (!mapping_.empty()) {
        end_map();
      }
      is_busy = populated_.size() + mapped_.count() > before;
    }
    while (const auto due = plan_.take_due()) {
      due->call(due->owner, due->cookie);
    }
    check();
  }

  // Left alone, everyone who waits is answered, background or not, and then everything gets mapped; at the
  // end each map is undone, as it was made.
  void finish() {
    work();
    for (const Request& request : requests_) {
      MAYFLY_ASSERT(failed_ || !request.is_open || (!request.is_release && !request.is_settle));
    }
    plan_.begin_background();
    work();
    MAYFLY_ASSERT(failed_ || (plan_.is_all_mapped() && requests_open() == 0));
    for (std::uint64_t unit = 0; unit < kUnits; ++unit) {
      MAYFLY_ASSERT(iommu_.reaches({GuestAddress(address_of(unit)), kUnit}) == mapped_.test(unit));
    }
    while (const auto entry = plan_.take_entry()) {
      MAYFLY_ASSERT(iommu_.unmap(*entry).has_value());
    }
    MAYFLY_ASSERT(iommu_.entries() == 0);
  }

  FuzzedDataProvider& input_;
  testing::FakeIommu iommu_;
  DmaRules rules_;
  DmaPlan plan_;
  std::uint64_t now_ = 0;
  std::vector<Request> requests_;
  std::set<PieceIndex> populated_;
  std::vector<PieceIndex> populating_;
  std::vector<MapJob> mapping_;
  HoldOrderModel order_;
  Units held_;
  Units releasing_;
  Units mapped_;
  bool settled_ = false;
  bool failed_ = false;
};

}  // namespace
}  // namespace mayfly::vfio

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider input(data, size);
  mayfly::vfio::Fuzz(input).run();
  return 0;
}
