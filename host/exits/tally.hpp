// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>

#include "exits/perf_records.hpp"
#include "exits/trace_events.hpp"

namespace mayfly::exits {

/// What exits are told apart by. Keys are numbers while they are counted; exit_names.hpp names them.
enum class Group : std::uint8_t {
  kReason,     ///< isa << 32 | reason of the processor
  kUserExit,   ///< KVM_EXIT_*, or kRestarted, kFailed
  kVm,         ///< process
  kVcpu,       ///< process << 32 | vCPU
  kPort,       ///< port << 1 | is a write
  kMmio,       ///< address << 1 | is a write
  kMsr,        ///< register << 1 | is a write
  kHypercall,  ///< number
  kMsi,        ///< vector
};
inline constexpr std::size_t kGroups = 9;

/// Keys of Group::kUserExit that are no KVM_EXIT_*: a signal ended KVM_RUN, or an error did.
inline constexpr std::uint64_t kRestarted = 1ULL << 32U;
inline constexpr std::uint64_t kFailed = kRestarted + 1;
/// Stands for all keys that came after kKeysMax others: a guest chooses ports and addresses.
inline constexpr std::uint64_t kOtherKeys = UINT64_MAX;
inline constexpr std::size_t kKeysMax = 4096;

/// Counts of events. Not shared between threads.
class Tally {
 public:
  using Counts = std::map<std::uint64_t, std::uint64_t>;

  /// Counts a sample by the event that it is of; one that cannot be read counts as lost.
  void add(const Sample& sample, std::span<const TraceEvent> events);
  void add_lost(std::uint64_t records) noexcept { lost_ += records; }

  [[nodiscard]] const Counts& counts(Group group) const noexcept {
    return groups_[static_cast<std::size_t>(group)];
  }
  /// Records that there was no room for, or that could not be read.
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }
  /// Exits of all kinds.
  [[nodiscard]] std::uint64_t exits() const noexcept { return exits_; }

 private:
  void count(Group group, std::uint64_t key);
  void count_event(const Sample& sample, EventKind kind,
                   const std::array<std::uint64_t, kEventFieldsMax>& fields);

  std::array<Counts, kGroups> groups_{};
  std::uint64_t exits_ = 0;
  std::uint64_t lost_ = 0;
};

}  // namespace mayfly::exits
