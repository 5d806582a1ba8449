// SPDX-License-Identifier: Apache-2.0
#include "kvm/pre_fault.hpp"

#include <cerrno>

#include <sys/ioctl.h>

namespace mayfly::kvm {
namespace {

// <linux/kvm.h> has these since 6.11.
struct PreFaultMemory {
  std::uint64_t gpa;
  std::uint64_t size;
  std::uint64_t flags;
  std::uint64_t padding[5];
};
static_assert(sizeof(PreFaultMemory) == 64);
constexpr std::uint32_t kCapPreFaultMemory = 236;
constexpr unsigned long kPreFaultMemory = _IOWR(KVMIO, 0xd5, PreFaultMemory);

}  // namespace

bool can_pre_fault(const Vm& vm) noexcept { return vm.check(kCapPreFaultMemory) > 0; }

Result<void, PreFaultFault> pre_fault(const Vcpu& vcpu, std::uint64_t guest, std::uint64_t bytes) noexcept {
  PreFaultMemory rest{.gpa = guest, .size = bytes, .flags = 0, .padding = {}};
  while (rest.size > 0) {
    // What was built is taken off the front, whatever the call gives.
    if (::ioctl(vcpu.fd(), kPreFaultMemory, &rest) < 0 && errno != EINTR && errno != EAGAIN) {
      return unexpected(PreFaultFault{errno});
    }
  }
  return {};
}

}  // namespace mayfly::kvm
