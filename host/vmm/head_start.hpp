// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include "boot/kernel_loader.hpp"
#include "boot/timeline.hpp"
#include "kvm/cpuid.hpp"
#include "kvm/system.hpp"

namespace mayfly::vmm {

/// What needs neither guest memory nor a socket, and so begins before there are any, on the kernel's thread:
/// the kernel's file is opened, KVM too, and asked what it can tell guests of the processor. Those are some
/// 60 CPUIDs, each of them an exit where this host is a guest itself. A VM is not created there: KVM would
/// hold all locks of our address space, in which main maps memory at that time. Main thread only.
class HeadStart {
 public:
  /// Starts it for a guest of `cpus`. `timeline` must outlive it. When signals are blocked, and there are to
  /// be no more namespaces, for those want a single thread.
  HeadStart(const std::string& kernel, std::uint32_t cpus, boot::BootTimeline& timeline);

  /// Waits. Throws Error when there is no KVM that runs Linux guests.
  [[nodiscard]] const kvm::System& kvm() const { return kvm_.get(); }
  /// Waits; once. All files are open then. Throws Error.
  [[nodiscard]] kvm::Cpuid take_cpuid() { return cpuid_.get_future().get(); }
  /// Once; what takes it ends before this does.
  [[nodiscard]] std::unique_ptr<boot::KernelLoader> take_kernel() noexcept { return std::move(kernel_); }

 private:
  std::packaged_task<kvm::System()> open_kvm_;
  std::shared_future<kvm::System> kvm_;
  std::packaged_task<kvm::Cpuid()> cpuid_;
  std::unique_ptr<boot::KernelLoader> kernel_;  // last: its thread uses all of the above
};

}  // namespace mayfly::vmm
