// SPDX-License-Identifier: Apache-2.0
#include "vmm/entry_state.hpp"

namespace mayfly::vmm {
namespace {

kvm_segment to_kvm(const boot::PvhSegment& segment) noexcept {
  kvm_segment result{};
  result.base = segment.base;
  result.limit = segment.limit;
  result.selector = segment.selector;
  result.type = segment.type;
  result.present = segment.present;
  result.dpl = segment.dpl;
  result.db = segment.db;
  result.s = segment.s;
  result.l = segment.l;
  result.g = segment.g;
  return result;
}

}  // namespace

void set_entry_state(kvm::Vcpu& vcpu, const boot::PvhState& state) {
  kvm_sregs sregs = vcpu.sregs();
  sregs.cs = to_kvm(state.cs);
  sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = to_kvm(state.data);
  sregs.tr = to_kvm(state.tr);
  sregs.cr0 = state.cr0;
  sregs.cr4 = state.cr4;
  sregs.efer = state.efer;
  vcpu.set_sregs(sregs);
  kvm_regs regs{};
  regs.rip = state.rip;
  regs.rbx = state.rbx;
  regs.rflags = state.rflags;
  vcpu.set_regs(regs);
}

}  // namespace mayfly::vmm
