// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "vmm/vm_down.hpp"

namespace mayfly::vmm {

/// How a run ended.
enum class OutcomeKind : std::uint8_t {
  kReady,        ///< The workload was about to start, and --until-ready asks for no more.
  kExited,       ///< value: the workload's exit status.
  kSignaled,     ///< value: the signal that ended the workload.
  kExecFailed,   ///< value: errno of the guest's execve.
  kSetupFailed,  ///< value: errno; the guest could not prepare the workload.
  kTimeout,      ///< --timeout ran out.
  kPoweroff,     ///< The guest powered off without an exit status. The same for the next three.
  kReboot,
  kPanic,
  kTripleFault,
  kKilled,             ///< value: the second signal that mayfly got.
  kProtocolViolation,  ///< The guest broke the rules of the channel.
  kOutputLost,         ///< The workload ended well, but its output could not be written; value: errno.
  kDmaMapFailed,       ///< The host refused to map guest memory for passed-through devices.
  kDeviceLost,         ///< The host took a passed-through device back, or the device has failed.
  kInternalError,      ///< KVM could not go on; value: its exit reason.
};

/// The end of a run, as the caller learns it.
struct Outcome {
  OutcomeKind kind = OutcomeKind::kExited;
  std::uint32_t value = 0;
  /// What happened and what to do, for stderr, without a final stop; empty when the status says all.
  std::string sentence{};
};

/// The word that stands for the kind in the timeline and in logs, such as "triple-fault".
[[nodiscard]] std::string_view name(OutcomeKind kind) noexcept;

/// The exit status of mayfly: the workload's own, or 0 when it was not to be run; 128+N for signal N; 126 and
/// 127 for a command that cannot run or is not found; 124 after --timeout; 125 for all else.
[[nodiscard]] int exit_status(const Outcome& outcome) noexcept;

/// The outcome of a machine that stopped before the workload's exit status came.
[[nodiscard]] Outcome outcome_of(DownReason reason, std::uint64_t detail);

/// Exit status when mayfly itself fails, as docker and env have it.
inline constexpr int kOwnFailure = 125;

}  // namespace mayfly::vmm
