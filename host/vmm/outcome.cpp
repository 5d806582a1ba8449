// SPDX-License-Identifier: Apache-2.0
#include "vmm/outcome.hpp"

#include <cerrno>

namespace mayfly::vmm {

std::string_view name(OutcomeKind kind) noexcept {
  switch (kind) {
    case OutcomeKind::kReady:
      return "ready";
    case OutcomeKind::kExited:
      return "exited";
    case OutcomeKind::kSignaled:
      return "signaled";
    case OutcomeKind::kExecFailed:
      return "exec-failed";
    case OutcomeKind::kSetupFailed:
      return "setup-failed";
    case OutcomeKind::kTimeout:
      return "timeout";
    case OutcomeKind::kPoweroff:
      return "poweroff";
    case OutcomeKind::kReboot:
      return "reboot";
    case OutcomeKind::kPanic:
      return "panic";
    case OutcomeKind::kTripleFault:
      return "triple-fault";
    case OutcomeKind::kKilled:
      return "killed";
    case OutcomeKind::kProtocolViolation:
      return "protocol-violation";
    case OutcomeKind::kOutputLost:
      return "output-lost";
    case OutcomeKind::kDmaMapFailed:
      return "dma-map-failed";
    case OutcomeKind::kDeviceLost:
      return "device-lost";
    case OutcomeKind::kInternalError:
      return "internal-error";
  }
  return "unknown";
}

int exit_status(const Outcome& outcome) noexcept {
  switch (outcome.kind) {
    case OutcomeKind::kReady:
      return 0;
    case OutcomeKind::kExited:
      return static_cast<int>(outcome.value & 0xffU);
    case OutcomeKind::kSignaled:
    case OutcomeKind::kKilled:
      return 128 + static_cast<int>(outcome.value & 0x7fU);
    case OutcomeKind::kExecFailed:
      return outcome.value == ENOENT || outcome.value == ENOTDIR ? 127 : 126;
    case OutcomeKind::kTimeout:
      return 124;
    case OutcomeKind::kSetupFailed:
    case OutcomeKind::kPoweroff:
    case OutcomeKind::kReboot:
    case OutcomeKind::kPanic:
    case OutcomeKind::kTripleFault:
    case OutcomeKind::kProtocolViolation:
    case OutcomeKind::kOutputLost:
    case OutcomeKind::kDmaMapFailed:
    case OutcomeKind::kDeviceLost:
    case OutcomeKind::kInternalError:
      break;
  }
  return kOwnFailure;
}

Outcome outcome_of(DownReason reason, std::uint64_t detail) {
  const auto value = static_cast<std::uint32_t>(detail);
  switch (reason) {
    case DownReason::kReady:
      return {OutcomeKind::kReady, value, ""};
    case DownReason::kPoweroff:
      return {OutcomeKind::kPoweroff, value,
              "the guest powered off before it reported the workload's exit status; --console tty shows why"};
    case DownReason::kReboot:
      return {OutcomeKind::kReboot, value,
              "the guest rebooted before it reported the workload's exit status; --console tty shows why"};
    case DownReason::kPanic:
      return {OutcomeKind::kPanic, value, "the guest kernel panicked; --console tty shows why"};
    case DownReason::kTripleFault:
      return {
          OutcomeKind::kTripleFault, value,
          "the guest's CPU shut down by a triple fault; check that --kernel is a kernel built for Mayfly"};
    case DownReason::kDmaMap:
      // Passthrough::describe_failure() knows more.
      return {OutcomeKind::kDmaMapFailed, value, "the host cannot map guest memory for devices"};
    case DownReason::kInternal:
      break;
  }
  return {OutcomeKind::kInternalError, value,
          "KVM could not run the guest any further (exit reason " + std::to_string(detail) +
              "); `mayfly doctor` checks this host, the kernel's log may say more"};
}

}  // namespace mayfly::vmm
