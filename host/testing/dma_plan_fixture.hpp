// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "base/checked.hpp"
#include "testing/fake_iommu.hpp"
#include "vfio/dma_plan.hpp"

namespace mayfly::testing {

/// A plan over 40 MiB of RAM at 0 (pieces 0 to 4) and 44 MiB at 4 GiB (pieces 5 to 10, the last one half), in
/// pieces of 8 MiB with a window of two; and the test's own hands for threads.
class DmaPlanTest : public ::testing::Test {
 protected:
  using Answer = HeldMemory::Answer;
  using Done = HeldMemory::Done;

  static constexpr std::uint64_t kPiece = 8 * kMiB;
  static constexpr std::uint64_t kHigh = 4 * kGiB;
  static constexpr std::uint64_t kHighBytes = 44 * kMiB;
  static constexpr vfio::PieceIndex kPieces = 11;

  static vfio::DmaRules rules(vfio::Background background = vfio::Background::kAtOnce) {
    return {.pieces = {.piece_bytes = kPiece, .window_bytes = 2 * kPiece, .max_pieces = 100},
            .busy_merge_bytes = 2 * kPiece,
            .idle_merge_bytes = 4 * kPiece,
            .background = background};
  }
  static std::array<GuestMemory::Region, 2> ram() {
    std::byte* host = nowhere();
    return {{{{GuestAddress(0), 5 * kPiece}, host}, {{GuestAddress(kHigh), kHighBytes}, host + 5 * kPiece}}};
  }
  void start(const vfio::DmaRules& with) { plan_.emplace(ram(), with); }
  vfio::DmaPlan& plan() { return *plan_; }

  static GuestRange range(std::uint64_t start, std::uint64_t bytes) { return {GuestAddress(start), bytes}; }
  /// The range of whole pieces; `first` and the others in one range of RAM.
  [[nodiscard]] GuestRange pieces(vfio::PieceIndex first, vfio::PieceIndex count = 1) {
    return plan().guest({first, count});
  }
  /// A Done that notes its cookie in called().
  Done done(std::uint64_t cookie) {
    return {[](void* owner, std::uint64_t value) noexcept {
              static_cast<DmaPlanTest*>(owner)->called_.push_back(value);
            },
            this, cookie};
  }
  /// Cookies of what has been answered since the last call.
  std::vector<std::uint64_t> called() {
    while (const auto due = plan().take_due()) {
      due->call(due->owner, due->cookie);
    }
    return std::exchange(called_, {});
  }

  /// Populates one piece; which.
  std::optional<vfio::PieceIndex> populate() {
    const auto piece = plan().begin_populate();
    if (piece.has_value()) {
      plan().end_populate(*piece);
    }
    return piece;
  }
  void populate_all() {
    while (populate().has_value()) {
    }
  }
  /// Maps once; what.
  std::optional<GuestRange> map() {
    const auto job = plan().begin_map();
    if (!job.has_value()) {
      return std::nullopt;
    }
    plan().end_map(*job, ++now_);
    return plan().guest(*job);
  }
  /// Populates and maps until nothing is left to do; what was mapped.
  std::vector<GuestRange> run() {
    std::vector<GuestRange> maps;
    while (true) {
      const bool populated = populate().has_value();
      const auto mapped = map();
      if (mapped.has_value()) {
        maps.push_back(*mapped);
      } else if (!populated) {
        return maps;
      }
    }
  }
  [[nodiscard]] std::uint64_t now() const { return now_; }
  void set_now(std::uint64_t now) { now_ = now; }

  void hold(GuestRange range) { ASSERT_TRUE(plan().hold(range, now_).has_value()); }
  Answer release(GuestRange range, std::uint64_t cookie) {
    const auto answer = plan().release(range, done(cookie), now_);
    EXPECT_TRUE(answer.has_value());
    return answer.value_or(Answer::kNow);
  }

 private:
  std::optional<vfio::DmaPlan> plan_;
  std::vector<std::uint64_t> called_;
  std::uint64_t now_ = 0;
};

}  // namespace mayfly::testing
