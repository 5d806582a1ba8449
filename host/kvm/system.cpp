// SPDX-License-Identifier: Apache-2.0
#include "kvm/system.hpp"

#include <cerrno>

#include <cpuid.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#include "base/error.hpp"

namespace mayfly::kvm {
namespace {

Fd open_device(const std::string& device) {
  Fd fd(::open(device.c_str(), O_RDWR | O_CLOEXEC));
  if (fd) {
    return fd;
  }
  if (errno == EACCES || errno == EPERM) {
    fail_errno("cannot open " + device +
               " (add yourself to its group: `sudo usermod -aG kvm $USER`, then log in again)");
  }
  if (errno == ENOENT || errno == ENODEV || errno == ENXIO) {
    fail_errno(
        "cannot open " + device +
        " (load KVM: `sudo modprobe kvm_intel` or `sudo modprobe kvm_amd`; VT-x or SVM must be on in the "
        "firmware, or nested virtualization in the hypervisor)");
  }
  fail_errno("cannot open " + device);
}

}  // namespace

System::System(const std::string& device) : fd_(open_device(device)) {
  const int version = ::ioctl(fd_.get(), KVM_GET_API_VERSION, 0);
  if (version < 0) {
    fail_errno(device + " is not a KVM device");
  }
  if (version != KVM_API_VERSION) {
    throw Error(device + " speaks KVM API version " + std::to_string(version) + ", not " +
                std::to_string(KVM_API_VERSION));
  }
  const int bytes = ::ioctl(fd_.get(), KVM_GET_VCPU_MMAP_SIZE, 0);
  if (bytes < 0) {
    fail_errno("KVM_GET_VCPU_MMAP_SIZE");
  }
  vcpu_map_bytes_ = static_cast<std::size_t>(bytes);
}

int System::check(std::uint32_t capability) const noexcept {
  const int value = ::ioctl(fd_.get(), KVM_CHECK_EXTENSION, capability);
  return value < 0 ? 0 : value;
}

bool hardware_virtualization() noexcept {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  constexpr unsigned kVmx = 1U << 5U;  // Intel SDM 3A, CPUID.1:ECX
  constexpr unsigned kSvm = 1U << 2U;  // AMD APM 3, Fn8000_0001_ECX
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & kVmx) != 0) {
    return true;
  }
  return __get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) != 0 && (ecx & kSvm) != 0;
}

void enable_capability(int fd, std::uint32_t capability, std::uint64_t argument) {
  kvm_enable_cap request{};
  request.cap = capability;
  request.args[0] = argument;
  if (::ioctl(fd, KVM_ENABLE_CAP, &request) < 0) {
    fail_errno("KVM_ENABLE_CAP " + std::to_string(capability));
  }
}

}  // namespace mayfly::kvm
