// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "exits/trace_format.hpp"

namespace mayfly::exits {

/// Trace events of KVM that are counted (arch/x86/kvm/trace.h, include/trace/events/kvm.h).
enum class EventKind : std::uint8_t {
  kExit,       ///< The processor left the guest, whoever handles it.
  kUserExit,   ///< KVM_RUN returned to the VMM.
  kPio,        ///< An access to a port.
  kMmio,       ///< An access to an address without memory.
  kFastMmio,   ///< A write that an ioeventfd took, known by its address alone.
  kMsr,        ///< An access to a model-specific register.
  kHypercall,  ///< VMCALL or VMMCALL.
  kMsi,        ///< A message-signalled interrupt given to the guest.
};

/// Fields that are read of an event, at most.
inline constexpr std::size_t kEventFieldsMax = 3;

/// How an event is known in records, and where its fields lie, in the order in which kEventShapes names them.
struct TraceEvent {
  EventKind kind{};
  std::uint16_t id = 0;
  std::array<TraceField, kEventFieldsMax> fields{};
};

struct EventShape {
  EventKind kind;
  std::string_view name;
  std::array<std::string_view, kEventFieldsMax> fields;  ///< Empty where there are fewer.
};

inline constexpr std::array<EventShape, 8> kEventShapes{{
    {EventKind::kExit, "kvm_exit", {"exit_reason", "isa", "vcpu_id"}},
    {EventKind::kUserExit, "kvm_userspace_exit", {"reason", "errno"}},
    {EventKind::kPio, "kvm_pio", {"port", "rw"}},
    {EventKind::kMmio, "kvm_mmio", {"gpa", "type"}},
    {EventKind::kFastMmio, "kvm_fast_mmio", {"gpa"}},
    {EventKind::kMsr, "kvm_msr", {"ecx", "write"}},
    {EventKind::kHypercall, "kvm_hypercall", {"nr"}},
    {EventKind::kMsi, "kvm_msi_set_irq", {"data"}},
}};

/// All events of kEventShapes, from the tracefs under `root` (empty: this host's own). Throws Error with the
/// mend when it is not mounted, may not be read, or KVM is not there.
[[nodiscard]] std::vector<TraceEvent> read_events(const std::string& root);

}  // namespace mayfly::exits
