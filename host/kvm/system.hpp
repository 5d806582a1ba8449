// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/fd.hpp"
#include "kvm/abi.hpp"

namespace mayfly::kvm {

/// The kernel's KVM, opened once. Source for all of this layer: Documentation/virt/kvm/api.rst.
class System {
 public:
  /// Opens `device` (normally /dev/kvm). Throws Error when it is missing, forbidden, or no KVM of API version
  /// 12; the sentence names the mend.
  explicit System(const std::string& device);

  /// KVM_CHECK_EXTENSION on the system: 0 when `capability` is absent.
  [[nodiscard]] int check(std::uint32_t capability) const noexcept;
  /// Size in bytes of the shared page area of each vCPU.
  [[nodiscard]] std::size_t vcpu_map_bytes() const noexcept { return vcpu_map_bytes_; }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  Fd fd_;
  std::size_t vcpu_map_bytes_ = 0;
};

/// True when this processor announces VMX or SVM. KVM can be there without (a paravirtual nested one), but
/// then it emulates, and a Linux guest does not get far.
[[nodiscard]] bool hardware_virtualization() noexcept;

/// Turns a capability of a VM or vCPU on. Throws Error.
void enable_capability(int fd, std::uint32_t capability, std::uint64_t argument);

}  // namespace mayfly::kvm
