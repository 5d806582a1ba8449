// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <condition_variable>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "base/error.hpp"
#include "vfio/iommu.hpp"

namespace mayfly::testing {

/// Host address of pretended guest memory: a multiple of 1 GiB, never looked through.
[[nodiscard]] inline std::byte* nowhere() noexcept {
  return reinterpret_cast<std::byte*>(1ULL << 30U);  // NOLINT(performance-no-int-to-ptr)
}

/// An IOMMU of nothing but books, strict where a real one would be, and stricter: an overlap, an unmap of
/// what was not one map, or an entry too many ends the test. Thread-safe.
class FakeIommu final : public vfio::Iommu {
 public:
  struct Limits {
    std::uint32_t max_entries = 65535;
    std::uint32_t parallel_mappers = 1;
  };
  FakeIommu() = default;
  explicit FakeIommu(Limits limits) : limits_(limits) {}

  [[nodiscard]] Result<void, vfio::IommuFault> map(GuestAddress at, std::byte* /*host*/, std::uint64_t bytes,
                                                   vfio::Access /*access*/) noexcept override {
    std::unique_lock lock(mutex_);
    ++calls_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return allowed_ != 0; });
    allowed_ -= allowed_ == kUnlimited ? 0 : 1;
    if (fault_.has_value() && fault_->at.raw() <= at.raw() + bytes - 1) {
      return unexpected(vfio::IommuFault{fault_->errno_value});
    }
    MAYFLY_ASSERT(!overlaps({at, bytes}));
    entries_[at] = bytes;
    MAYFLY_ASSERT(entries_.size() <= limits_.max_entries);
    made_.push_back({at, bytes});
    return {};
  }
  [[nodiscard]] Result<void, vfio::IommuFault> unmap(GuestRange range) noexcept override {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(range.start);
    MAYFLY_ASSERT(found != entries_.end() && found->second == range.bytes);
    entries_.erase(found);
    return {};
  }
  [[nodiscard]] std::uint32_t max_entries() const noexcept override { return limits_.max_entries; }
  [[nodiscard]] std::uint32_t parallel_mappers() const noexcept override { return limits_.parallel_mappers; }
  [[nodiscard]] std::string_view name() const noexcept override { return "fake"; }

  /// map() refuses what ends above `at` from now on.
  void refuse_from(GuestAddress at, int errno_value) {
    const std::lock_guard lock(mutex_);
    fault_ = {at, errno_value};
  }
  /// map() waits until it is allowed to go on, so many times.
  void allow(std::uint32_t maps) {
    const std::lock_guard lock(mutex_);
    allowed_ = maps;
    changed_.notify_all();
  }
  static constexpr std::uint32_t kUnlimited = 0xffffffff;
  /// Waits until map() has been called `calls` times, whether or not it was let on.
  void wait_for_calls(std::uint32_t calls) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this, calls] { return calls_ >= calls; });
  }

  /// What a device can reach: true when all of `range` is mapped.
  [[nodiscard]] bool reaches(GuestRange range) const {
    const std::lock_guard lock(mutex_);
    std::uint64_t at = range.start.raw();
    while (at < range.start.raw() + range.bytes) {
      auto entry = entries_.upper_bound(GuestAddress(at));
      if (entry == entries_.begin()) {
        return false;
      }
      --entry;
      if (at - entry->first.raw() >= entry->second) {
        return false;
      }
      at = entry->first.raw() + entry->second;
    }
    return true;
  }
  /// All maps made so far, in order.
  [[nodiscard]] std::vector<GuestRange> made() const {
    const std::lock_guard lock(mutex_);
    return made_;
  }
  [[nodiscard]] std::size_t entries() const {
    const std::lock_guard lock(mutex_);
    return entries_.size();
  }

 private:
  struct Fault {
    GuestAddress at;
    int errno_value = 0;
  };

  [[nodiscard]] bool overlaps(GuestRange range) const {
    const auto after = entries_.lower_bound(GuestAddress(range.start.raw() + range.bytes));
    if (after == entries_.begin()) {
      return false;
    }
    const auto last = std::prev(after);
    return last->first.raw() + last->second > range.start.raw();
  }

  Limits limits_{};
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<GuestAddress, std::uint64_t> entries_;
  std::vector<GuestRange> made_;
  std::optional<Fault> fault_;
  std::uint32_t calls_ = 0;
  std::uint32_t allowed_ = kUnlimited;
};

}  // namespace mayfly::testing
