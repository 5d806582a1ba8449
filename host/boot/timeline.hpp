// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "boot/exec_time.hpp"
#include "boot/timeline_report.hpp"

namespace mayfly::boot {

/// Stamps what happens between exec and the end of the VM. No allocation, no lock: any thread marks at any
/// time.
class BootTimeline {
 public:
  /// Port marks kept; those after them are only counted.
  static constexpr std::size_t kPortMarksMax = 64;

  /// Milestone kExec is there from the start.
  explicit BootTimeline(ExecTime exec) noexcept;

  /// Stamps a milestone now. The first time counts, later ones are ignored. Gives the time, in nanoseconds
  /// since exec.
  std::uint64_t mark(Milestone milestone) noexcept;
  /// Stamps a milestone that was reached at `at_ns` of CLOCK_MONOTONIC, unless it was stamped before.
  void note(Milestone milestone, std::uint64_t at_ns) noexcept;
  /// A byte that the guest wrote to port 0x80: kept with its time, which it gives in nanoseconds since exec.
  /// Some codes are milestones too. A hostile guest can only waste its own marks.
  std::uint64_t port_mark(std::uint8_t code) noexcept;

  /// CLOCK_MONOTONIC at exec, as far as it is known.
  [[nodiscard]] std::uint64_t exec_ns() const noexcept { return exec_.at_ns; }
  /// True once `milestone` was stamped.
  [[nodiscard]] bool reached(Milestone milestone) const noexcept;
  /// When `milestone` was stamped, nanoseconds since exec; nothing when it was not.
  [[nodiscard]] std::optional<std::uint64_t> time_of(Milestone milestone) const noexcept;
  /// All that was stamped, with what vmm knows of the run. Allocates; for the end of a run.
  [[nodiscard]] Report report(RunFacts facts) const;

 private:
  void stamp(Milestone milestone, std::uint64_t since_exec_ns) noexcept;
  [[nodiscard]] std::uint64_t since_exec_ns() const noexcept;

  static constexpr std::uint64_t kUnset = ~std::uint64_t{0};

  ExecTime exec_;
  std::array<std::atomic<std::uint64_t>, kMilestones> milestones_;  // ns since exec, or kUnset
  std::array<std::atomic<std::uint64_t>, kPortMarksMax> marks_;     // ns since exec << 8 | code, or kUnset
  std::atomic<std::uint64_t> marks_seen_{0};
};

}  // namespace mayfly::boot
