// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <charconv>
#include <cstring>

#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "cli/doctor.hpp"

namespace mayfly::cli {
namespace {

constexpr std::string_view kKvm = "kvm";
constexpr const char* kLab = "without it, ci/lab/lab runs mayfly on a host made in software";

bool has_word(std::string_view line, std::string_view word) noexcept {
  for (std::size_t at = line.find(word); at != std::string_view::npos; at = line.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    const bool begins = at != 0 && (line[at - 1] == ' ' || line[at - 1] == '\t');
    if (begins && (end == line.size() || line[end] == ' ')) {
      return true;
    }
  }
  return false;
}

std::string module_mend(const CpuFlags& cpu) {
  return cpu.svm ? "sudo modprobe kvm_amd" : cpu.vmx ? "sudo modprobe kvm_intel" : "see the line above";
}

Finding cannot_open(int error, const CpuFlags& cpu) {
  const std::string why = Error(error, "cannot open /dev/kvm").what();
  switch (error) {
    case ENOENT:
      return {Level::kFail, kKvm, "there is no /dev/kvm", module_mend(cpu)};
    case ENODEV:
    case ENXIO:
      return {Level::kFail, kKvm, why, module_mend(cpu)};
    case EACCES:
    case EPERM:
      return {Level::kFail, kKvm, why, "sudo usermod -aG kvm \"$USER\", then log in again"};
    default:
      return {Level::kFail, kKvm, why, "see the kernel's log: sudo dmesg | grep -i kvm"};
  }
}

}  // namespace

CpuFlags read_cpu_flags(const HostView& host) {
  const std::string info = host.text("/proc/cpuinfo").value_or("");
  const std::size_t begin = info.find("\nflags");
  if (begin == std::string::npos) {
    return {};
  }
  const std::string_view line =
      std::string_view(info).substr(begin + 1, info.find('\n', begin + 1) - begin - 1);
  return {has_word(line, "vmx"), has_word(line, "svm"), has_word(line, "hypervisor")};
}

Finding check_cpu(const CpuFlags& cpu) {
  constexpr std::string_view kName = "cpu";
  if (cpu.vmx || cpu.svm) {
    return {Level::kOk, kName, cpu.svm ? "AMD SVM" : "Intel VMX"};
  }
  if (cpu.hypervisor) {
    return {Level::kFail, kName,
            "this host is a virtual machine without nested virtualization (no VMX or SVM)",
            std::string("turn it on in its hypervisor (nested=1, CPU model host); ") + kLab};
  }
  return {Level::kFail, kName, "the CPU offers neither VMX nor SVM",
          std::string("turn on VT-x or SVM in the firmware's set-up; ") + kLab};
}

Finding check_kvm(const HostView& host, const CpuFlags& cpu) {
  const Fd kvm(::open(host.path("/dev/kvm").c_str(), O_RDWR | O_CLOEXEC));
  if (!kvm) {
    return cannot_open(errno, cpu);
  }
  const int version = ::ioctl(kvm.get(), KVM_GET_API_VERSION, 0);
  if (version < 0) {
    return {Level::kFail, kKvm, "/dev/kvm is not the KVM device",
            "sudo rm /dev/kvm, then " + module_mend(cpu)};
  }
  if (version != KVM_API_VERSION) {
    return {Level::kFail, kKvm, "KVM has API version " + std::to_string(version) + " instead of 12",
            "boot a kernel of this century"};
  }
  const Fd machine(::ioctl(kvm.get(), KVM_CREATE_VM, 0));
  if (!machine) {
    return {
        Level::kFail, kKvm, Error(errno, "KVM cannot create a VM").what(),
        "EBUSY: another hypervisor (VirtualBox, VMware) holds the CPU; else see: sudo dmesg | grep -i kvm"};
  }
  return {Level::kOk, kKvm, "/dev/kvm creates VMs"};
}

Finding check_host_kernel(const HostView& host) {
  constexpr std::string_view kName = "kernel";
  constexpr int kTestedMajor = 6;
  constexpr int kTestedMinor = 1;
  const std::string release = host.text("/proc/sys/kernel/osrelease").value_or("");
  int major = 0;
  int minor = 0;
  const char* end = release.data() + release.size();
  const auto [dot, error] = std::from_chars(release.data(), end, major);
  if (error != std::errc{} || dot == end || std::from_chars(dot + 1, end, minor).ec != std::errc{}) {
    return {Level::kWarn, kName, "cannot tell the version of the host's kernel", "see that /proc is mounted"};
  }
  if (major < kTestedMajor || (major == kTestedMajor && minor < kTestedMinor)) {
    return {Level::kWarn, kName, "Linux " + release + " is older than what mayfly is tested with",
            "boot Linux 6.1 or later"};
  }
  return {Level::kOk, kName, "Linux " + release};
}

}  // namespace mayfly::cli
