// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "memory/held_memory.hpp"

namespace mayfly::testing {

/// HeldMemory over one range of RAM, which says now or later as its test likes. Any thread.
class FakeHeldMemory final : public HeldMemory {
 public:
  explicit FakeHeldMemory(GuestRange ram) : ram_(ram) {}

  /// The answer to every release from now on.
  void answer(Answer answer) {
    const std::lock_guard lock(mutex_);
    answer_ = answer;
  }
  /// Answers the oldest release that waits; false when there is none.
  bool finish_one() {
    std::optional<Done> done;
    std::optional<Done> all;
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.empty()) {
        return false;
      }
      done = waiting_.front().done;
      erase(releasing_, waiting_.front().ranges);
      waiting_.erase(waiting_.begin());
      if (releasing_.empty()) {
        all = std::exchange(all_released_, std::nullopt);
      }
    }
    if (done->call != nullptr) {
      done->call(done->owner, done->cookie);
    }
    if (all) {
      all->call(all->owner, all->cookie);
    }
    return true;
  }
  void finish_all() {
    while (finish_one()) {
    }
  }
  /// Says that what the last when_ready() waits for is so.
  void finish_ready() {
    std::optional<Done> done;
    {
      const std::lock_guard lock(mutex_);
      done = std::exchange(ready_, std::nullopt);
    }
    if (done) {
      done->call(done->owner, done->cookie);
    }
  }
  void set_all_ready() {
    const std::lock_guard lock(mutex_);
    all_ready_ = true;
  }
  /// The bytes of every when_ready() so far.
  [[nodiscard]] std::vector<std::uint64_t> asked_ready() const {
    const std::lock_guard lock(mutex_);
    return asked_ready_;
  }
  [[nodiscard]] std::vector<GuestRange> held() const {
    const std::lock_guard lock(mutex_);
    return held_;
  }
  [[nodiscard]] std::size_t waiting() const {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
  }

  [[nodiscard]] Result<void, HeldFault> hold(GuestRange range) noexcept override {
    const std::lock_guard lock(mutex_);
    if (const auto fault = wrong(range)) {
      return unexpected(*fault);
    }
    for (std::uint64_t at = 0; at < range.bytes; at += kUnit) {
      const GuestRange unit{GuestAddress(range.start.raw() + at), kUnit};
      if (has(held_, unit)) {
        return unexpected(HeldFault::kAlreadyHeld);
      }
      if (has(releasing_, unit)) {
        return unexpected(HeldFault::kReleasing);
      }
    }
    for (std::uint64_t at = 0; at < range.bytes; at += kUnit) {
      held_.push_back({GuestAddress(range.start.raw() + at), kUnit});
    }
    return {};
  }
  [[nodiscard]] Result<Answer, HeldFault> release(GuestRange range, Done done) noexcept override {
    const std::lock_guard lock(mutex_);
    if (const auto fault = wrong(range)) {
      return unexpected(*fault);
    }
    std::vector<GuestRange> units;
    for (std::uint64_t at = 0; at < range.bytes; at += kUnit) {
      units.push_back({GuestAddress(range.start.raw() + at), kUnit});
      if (!has(held_, units.back())) {
        return unexpected(HeldFault::kNotHeld);
      }
    }
    return go(std::move(units), done);
  }
  [[nodiscard]] Answer release_all(Done done) noexcept override {
    const std::lock_guard lock(mutex_);
    if (!held_.empty()) {
      (void)go(std::vector(held_), {});
    }
    if (releasing_.empty()) {
      return Answer::kNow;
    }
    all_released_ = done;
    return Answer::kLater;
  }
  [[nodiscard]] Answer settle(Done /*done*/) noexcept override { return Answer::kNow; }
  [[nodiscard]] Answer when_ready(std::uint64_t bytes, Done done) noexcept override {
    const std::lock_guard lock(mutex_);
    asked_ready_.push_back(bytes);
    ready_ = answer_ == Answer::kLater ? std::optional(done) : std::nullopt;
    return answer_;
  }
  /// What is held at `from` is ready when releases are answered at once.
  [[nodiscard]] std::optional<GuestRange> next_ready_run(GuestAddress from) const noexcept override {
    const std::lock_guard lock(mutex_);
    GuestRange run{from, 0};
    while (answer_ == Answer::kNow && has(held_, {GuestAddress(from.raw() + run.bytes), kUnit})) {
      run.bytes += kUnit;
    }
    return run.bytes > 0 ? std::optional(run) : std::nullopt;
  }
  [[nodiscard]] bool is_all_ready() const noexcept override {
    const std::lock_guard lock(mutex_);
    return all_ready_;
  }
  void forget(const void* owner) noexcept override {
    const std::lock_guard lock(mutex_);
    all_released_ = all_released_ && all_released_->owner == owner ? std::nullopt : all_released_;
    ready_ = ready_ && ready_->owner == owner ? std::nullopt : ready_;
    std::erase_if(waiting_, [owner](const Waiting& each) { return each.done.owner == owner; });
  }

 private:
  struct Waiting {
    std::vector<GuestRange> ranges;
    Done done;
  };
  static bool has(const std::vector<GuestRange>& set, const GuestRange& unit) {
    return std::find(set.begin(), set.end(), unit) != set.end();
  }
  static void erase(std::vector<GuestRange>& set, const std::vector<GuestRange>& units) {
    std::erase_if(set, [&units](const GuestRange& each) { return has(units, each); });
  }
  [[nodiscard]] std::optional<HeldFault> wrong(GuestRange range) const {
    if (range.bytes == 0) {
      return HeldFault::kEmpty;
    }
    if (range.start.raw() % kUnit != 0 || range.bytes % kUnit != 0) {
      return HeldFault::kUnaligned;
    }
    const bool inside =
        ram_.contains(range.start) && range.bytes <= ram_.bytes - (range.start.raw() - ram_.start.raw());
    return inside ? std::nullopt : std::optional(HeldFault::kOutsideRam);
  }
  Answer go(std::vector<GuestRange> units, Done done) {
    erase(held_, units);
    if (answer_ == Answer::kLater) {
      releasing_.insert(releasing_.end(), units.begin(), units.end());
      waiting_.push_back({std::move(units), done});
    }
    return answer_;
  }

  GuestRange ram_;
  mutable std::mutex mutex_;
  Answer answer_ = Answer::kNow;
  bool all_ready_ = false;
  std::vector<GuestRange> held_;
  std::vector<GuestRange> releasing_;
  std::vector<Waiting> waiting_;
  std::optional<Done> ready_;
  std::optional<Done> all_released_;
  std::vector<std::uint64_t> asked_ready_;
};

}  // namespace mayfly::testing
