// SPDX-License-Identifier: Apache-2.0
#include "vmm/head_start.hpp"

#include "base/error.hpp"

namespace mayfly::vmm {
namespace {

/// Linux guests get nowhere in a KVM that emulates; say so instead of letting them hang.
kvm::System open_kvm() {
  kvm::System system("/dev/kvm");
  if (!kvm::hardware_virtualization()) {
    throw Error(
        "this machine's KVM has neither VMX nor SVM, so it cannot run Linux guests; use a machine "
        "with hardware virtualization (or turn nested virtualization on), or the lab: `ci/lab/lab run -- "
        "mayfly run ...`");
  }
  return system;
}

}  // namespace

HeadStart::HeadStart(const std::string& kernel, std::uint32_t cpus, boot::BootTimeline& timeline)
    : open_kvm_(open_kvm),
      kvm_(open_kvm_.get_future()),
      cpuid_([this, cpus] { return kvm::Cpuid(kvm_.get(), cpus); }),
      kernel_(std::make_unique<boot::KernelLoader>(kernel, timeline, [this, &timeline] {
        timeline.mark(boot::Milestone::kAskKvmBegin);
        open_kvm_();
        cpuid_();
        timeline.mark(boot::Milestone::kAskKvmEnd);
      })) {}

}  // namespace mayfly::vmm
