// SPDX-License-Identifier: Apache-2.0
#include "doctor/record_host.hpp"

#include <algorithm>
#include <cerrno>

#include <cpuid.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.hpp"
#include "base/folder.hpp"
#include "base/text_file.hpp"
#include "doctor/cpu_list.hpp"
#include "doctor/kvm_questions.hpp"
#include "doctor/paths.hpp"
#include "doctor/recorded_text.hpp"
#include "kvm/abi.hpp"
#include "vfio/iommufd.hpp"

namespace mayfly::doctor {
namespace {

constexpr std::size_t kTextBytesMax = 64U << 10U;
/// Folders whose names are taken, at most: a host has some hundred IOMMU groups.
constexpr std::size_t kNamesMax = 4096;

/// The first 64 KiB of a file without the final newline.
std::optional<std::string> read_text(const std::string& path) {
  std::optional<std::string> text = read_text_file(path, kTextBytesMax);
  if (text.has_value()) {
    text->resize(std::min(text->size(), kTextBytesMax));
    if (text->ends_with('\n')) {
      text->pop_back();
    }
  }
  return text;
}

/// Adds to a recording what is under a root.
class Recorder {
 public:
  Recorder(const std::string& root, Recording& recording) : root_(root), recording_(recording) {}

  void file(const std::string& path) {
    if (auto text = read_text(root_ + path)) {
      recording_.files[path] = *std::move(text);
    }
  }
  void folder(const std::string& path) {
    if (auto names = read_folder(root_ + path, kNamesMax)) {
      recording_.folders[path] = *std::move(names);
    }
  }
  /// 0 when there is something at `path`.
  void existence(const std::string& path) {
    recording_.answers[path] = ::access((root_ + path).c_str(), F_OK) == 0 ? 0 : -errno;
  }

  // One processor stands for all: a host of hundreds says the same hundreds of times.
  void processor() {
    file(kCpuInfo);
    if (const auto found = recording_.files.find(kCpuInfo); found != recording_.files.end()) {
      found->second.resize(std::min(found->second.find("\n\n"), found->second.size()));
    }
  }

  void iommus() {
    folder(kIommuUnits);
    for (const std::string& unit : recording_.names(kIommuUnits)) {
      for (const char* registers : {"/intel-iommu/cap", "/intel-iommu/ecap", "/amd-iommu/features"}) {
        file(std::string(kIommuUnits) + "/" + unit + registers);
      }
    }
  }

  void nodes() {
    file(kNodesOnline);
    const auto online = parse_cpu_list(recording_.text(kNodesOnline).value_or(""));
    for (const std::uint32_t node : online.value_or(CpuList())) {
      file(node_huge_pages(node, kPages2m));
      file(node_huge_pages(node, kPages1g));
    }
  }

  void isolated_cpus() {
    for (const char* path : {kCpusIsolated, kPartitionsIsolated}) {
      file(path);
      const auto isolated = parse_cpu_list(recording_.text(path).value_or(""));
      for (const std::uint32_t cpu : isolated.value_or(CpuList())) {
        file(siblings_of(cpu));
      }
    }
  }

  void own_cgroup() {
    const auto own = own_cgroup_in(recording_.text(kOwnCgroups).value_or(""));
    if (!own.has_value()) {
      return;
    }
    const std::string folder = root_ + kCgroups + std::string(*own);
    const bool may =
        ::access(folder.c_str(), W_OK) == 0 && ::access((folder + "/cgroup.procs").c_str(), W_OK) == 0;
    recording_.answers[kOwnCgroupWritable] = may ? 0 : -errno;
  }

  void kvm() {
    auto& answers = recording_.answers;
    const Fd device(::open((root_ + kKvmDevice).c_str(), O_RDWR | O_CLOEXEC));
    answers[kKvmOpen] = device ? 0 : -errno;
    if (!device) {
      return;
    }
    const auto ask = [](int fd, unsigned long request, unsigned long argument) -> std::int64_t {
      const int answer = ::ioctl(fd, request, argument);
      return answer < 0 ? -errno : answer;
    };
    answers[kKvmVersion] = ask(device.get(), KVM_GET_API_VERSION, 0);
    const Fd machine(::ioctl(device.get(), KVM_CREATE_VM, 0UL));
    answers[kKvmCreateVm] = machine ? 0 : -errno;
    // Some capabilities are a VM's own; all can be asked of one.
    const int fd = machine ? machine.get() : device.get();
    for (const auto& [name, capability] : kKvmQuestions) {
      answers[name] = ask(fd, KVM_CHECK_EXTENSION, capability);
    }
  }

  void vfio() {
    existence(kIommufdDevice);
    const Fd container(::open((root_ + kVfioContainer).c_str(), O_RDWR | O_CLOEXEC));
    recording_.answers[kVfioOpen] = container ? 0 : -errno;
    if (container) {
      recording_.answers[kVfioCompatibility] = vfio::is_compatibility_container(container.get()) ? 1 : 0;
    }
  }

  void cpuid() {
    for (const std::uint32_t leaf : {kLeafFeatures, kLeafMonitor}) {
      std::array<std::uint32_t, 4> r{};
      if (__get_cpuid(leaf, &r[0], &r[1], &r[2], &r[3]) != 0) {
        recording_.cpuid[leaf] = r;
      }
    }
    // Reserved for hypervisors, and nonsense where there is none.
    if (const auto found = recording_.cpuid.find(kLeafFeatures);
        found != recording_.cpuid.end() && (found->second[2] & kEcxHypervisor) != 0) {
      std::array<std::uint32_t, 4>& r = recording_.cpuid[kLeafHypervisor];
      __cpuid(kLeafHypervisor, r[0], r[1], r[2], r[3]);
    }
  }

 private:
  const std::string& root_;
  Recording& recording_;
};

}  // namespace

Recording record_host(const std::string& root) {
  Recording recording;
  Recorder recorder(root, recording);
  // First, since it may load modules, whose parameters are read then.
  recorder.kvm();
  recorder.vfio();
  recorder.processor();
  for (const char* path : kPlainFiles) {
    recorder.file(path);
  }
  for (const char* path : kPlainFolders) {
    recorder.folder(path);
  }
  for (const char* path : kMarks) {
    recorder.existence(path);
  }
  recorder.iommus();
  recorder.nodes();
  recorder.isolated_cpus();
  recorder.own_cgroup();
  recorder.cpuid();
  return recording;
}

Recording record_cpus(const std::string& root) {
  Recording recording;
  Recorder recorder(root, recording);
  recorder.file(kCpusOnline);
  recorder.isolated_cpus();
  return recording;
}

}  // namespace mayfly::doctor
