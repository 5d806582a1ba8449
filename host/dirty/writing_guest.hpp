// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "base/checked.hpp"
#include "dirty/dirty_log.hpp"
#include "kvm/system.hpp"
#include "kvm/vcpu.hpp"
#include "kvm/vm.hpp"
#include "memory/backing.hpp"

namespace mayfly::dirty {

/// A guest of a few instructions, on any /dev/kvm: each vCPU writes words at random, in an order of its own
/// and for ever, into the upper half of memory, and port 0x80 after each kWritesAnExit of them.
class WritingGuest {
 public:
  static constexpr std::uint64_t kBytes = 64 * kMiB;
  /// Slot 0, the program's; slot 1 is the rest.
  static constexpr std::uint32_t kFirst = 2 * kMiB;
  /// Where it writes.
  static constexpr std::uint32_t kArea = 32 * kMiB;
  static constexpr unsigned kWritesAnExit = 64;

  /// With `idle` more bytes of memory, a multiple of 2 MiB, that nobody writes. Throws Error.
  explicit WritingGuest(std::uint64_t idle = 0) {
    slots_ = {LoggedSlot{0, {{GuestAddress(0), kFirst}, ram_.data()}},
              LoggedSlot{1, {{GuestAddress(kFirst), kBytes - kFirst}, ram_.data() + kFirst}}};
    if (idle > 0) {
      slots_.push_back(
          LoggedSlot{2, {{GuestAddress(4 * kGiB), idle}, idle_.emplace(idle, Pages::k4k).data()}});
    }
  }

  /// Turn on what KVM wants to know before the first vCPU, then call this, once.
  void add_vcpus(std::uint32_t count) {
    std::memcpy(ram_.data() + kEntry, kProgram.data(), kProgram.size());
    for (const LoggedSlot& slot : slots_) {
      const GuestRange& guest = slot.memory.guest;
      vm_.add_memory(slot.slot, guest.start.raw(), slot.memory.host, guest.bytes,
                     kvm::SlotAccess::kReadWrite);
    }
    for (std::uint32_t id = 0; id < count; ++id) {
      vcpus_.push_back(std::make_unique<kvm::Vcpu>(system_, vm_, id));
      set_state(*vcpus_.back());
    }
  }

  [[nodiscard]] const std::vector<LoggedSlot>& slots() const noexcept { return slots_; }
  [[nodiscard]] kvm::Vm& vm() noexcept { return vm_; }
  [[nodiscard]] const Backing& ram() const noexcept { return ram_; }
  [[nodiscard]] kvm::Vcpu& vcpu(std::size_t index) { return *vcpus_.at(index); }
  [[nodiscard]] std::vector<const kvm::Vcpu*> vcpus() const {
    std::vector<const kvm::Vcpu*> pointers;
    for (const auto& vcpu : vcpus_) {
      pointers.push_back(vcpu.get());
    }
    return pointers;
  }

  /// Copies `pages`, none of which is idle, to where they are in `to`; how many.
  std::uint64_t copy_to(Backing& to, const PageSet& pages) const {
    std::uint64_t count = 0;
    for (auto run = pages.next_run(0); run.has_value(); run = pages.next_run(run->end())) {
      std::memcpy(to.data() + run->first * DirtyLog::kPageBytes,
                  ram_.data() + run->first * DirtyLog::kPageBytes, run->count * DirtyLog::kPageBytes);
      count += run->count;
    }
    return count;
  }

 private:
  static constexpr std::uint32_t kEntry = 0x1000;
  static constexpr std::uint32_t kMask = kArea - 4;

  /// 32-bit code: esi is xorshift32's state; a word of ebx + (esi & ebp) is written, and port 0x80 each ecx
  /// times.
  static constexpr std::array<std::uint8_t, 37> kProgram{
      0x89, 0xf0, 0xc1, 0xe0, 0x0d, 0x31, 0xc6,  // mov eax, esi; shl eax, 13; xor esi, eax
      0x89, 0xf0, 0xc1, 0xe8, 0x11, 0x31, 0xc6,  // mov eax, esi; shr eax, 17; xor esi, eax
      0x89, 0xf0, 0xc1, 0xe0, 0x05, 0x31, 0xc6,  // mov eax, esi; shl eax, 5; xor esi, eax
      0x89, 0xf0, 0x21, 0xe8, 0x89, 0x34, 0x03,  // mov eax, esi; and eax, ebp; mov [ebx + eax], esi
      0x4f, 0x75, 0xe1,                          // dec edi; jnz 0
      0xe6, 0x80, 0x89, 0xcf, 0xeb, 0xdb};       // out 0x80, al; mov edi, ecx; jmp 0

  static void set_state(kvm::Vcpu& vcpu) {
    kvm_sregs sregs = vcpu.sregs();
    kvm_segment flat{};
    flat.limit = 0xffffffff;
    flat.selector = 8;
    flat.type = 11;
    flat.present = flat.s = flat.db = flat.g = 1;
    sregs.cs = flat;
    flat.selector = 16;
    flat.type = 3;
    sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = flat;
    sregs.cr0 |= 1U;
    vcpu.set_sregs(sregs);
    kvm_regs regs{};
    regs.rip = kEntry;
    regs.rflags = 2;
    regs.rbx = kBytes - kArea;
    regs.rbp = kMask;
    regs.rcx = regs.rdi = kWritesAnExit;
    regs.rsi = 0x9e3779b9U + vcpu.id();
    vcpu.set_regs(regs);
  }

  Backing ram_{kBytes, Pages::kAuto};
  std::optional<Backing> idle_;
  std::vector<LoggedSlot> slots_;
  kvm::System system_{"/dev/kvm"};
  kvm::Vm vm_{system_};
  std::vector<std::unique_ptr<kvm::Vcpu>> vcpus_;
};

}  // namespace mayfly::dirty
