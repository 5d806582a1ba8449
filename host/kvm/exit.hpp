// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>

namespace mayfly::kvm {

// Spans point into the vCPU's shared page and are good until its next run().

/// OUT: `data` holds one or more items of `size` bytes, all for the same port (a string instruction has
/// many).
struct IoOut {
  std::uint16_t port;
  std::uint8_t size;
  std::span<const std::byte> data;
};
/// IN: fill `data`, items of `size` bytes.
struct IoIn {
  std::uint16_t port;
  std::uint8_t size;
  std::span<std::byte> data;
};
/// Load from an address without memory: fill `data` (1 to 8 bytes).
struct MmioRead {
  std::uint64_t address;
  std::span<std::byte> data;
};
/// Store to an address without memory.
struct MmioWrite {
  std::uint64_t address;
  std::span<const std::byte> data;
};
/// The hypercall KVM_HC_MAP_GPA_RANGE (Documentation/virt/kvm/x86/hypercalls.rst): the guest says who is to
/// reach [address, address + 4 KiB * pages). KVM has checked that it is not empty and does not wrap in pages.
struct MapRange {
  std::uint64_t address;
  std::uint64_t pages;
  std::uint64_t attributes;
  /// What the guest gets: 0, or a negative error of <linux/kvm_para.h>.
  unsigned long long* answer;
};
/// HLT without an in-kernel irqchip.
struct Halt {};
/// Triple fault, or an unhandled exception in SMM.
struct Shutdown {};
/// KVM_SYSTEM_EVENT_*.
struct SystemEvent {
  std::uint32_t type;
};
/// The vCPU's DirtyRing, where it has one, is almost full: it enters again once pages were taken and the
/// rings were reset.
struct DirtyRingFull {};
/// A signal or kick() ended the run; nothing to do but look around.
struct Interrupted {};
/// KVM gave up: an entry failure, an emulation failure, or a reason that this VMM did not ask for.
struct Unknown {
  std::uint32_t reason;
  std::uint64_t detail;
};

/// Why KVM_RUN returned (api.rst, section 5).
using VmExit = std::variant<IoOut, IoIn, MmioRead, MmioWrite, MapRange, Halt, Shutdown, SystemEvent,
                            DirtyRingFull, Interrupted, Unknown>;

}  // namespace mayfly::kvm
