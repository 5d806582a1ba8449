// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <iterator>

#include "doctor/capabilities.hpp"
#include "doctor/paths.hpp"
#include "doctor/recorded_text.hpp"

namespace mayfly::doctor {
namespace {

// The soft limit on a line of /proc/self/limits; nothing when there is none such.
std::optional<std::uint64_t> soft_limit(std::string_view limits, std::string_view name) noexcept {
  const std::size_t at = limits.find(name);
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  std::string_view rest = limits.substr(at + name.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  rest = rest.substr(0, rest.find_first_of(" \n"));
  return rest == "unlimited" ? std::optional(UINT64_MAX) : number_in(rest);
}

HugePages read_huge_pages(const Recording& recording, const char* size, const CpuList& nodes) {
  const std::string folder = std::string(kHugePages) + size;
  HugePages pages;
  pages.all = number_in(recording.text(folder + "/nr_hugepages"));
  pages.free = number_in(recording.text(folder + "/free_hugepages")).value_or(0);
  for (const std::uint32_t node : nodes) {
    if (const auto free = number_in(recording.text(node_huge_pages(node, size)))) {
      pages.free_on_nodes.emplace_back(node, *free);
    }
  }
  return pages;
}

CpuList list_in(std::optional<std::string_view> text) {
  // The kernel writes "(null)" for no CPUs of nohz_full.
  return parse_cpu_list(text.value_or("")).value_or(CpuList());
}

std::optional<std::pair<std::uint32_t, std::uint32_t>> version_of(std::string_view release) noexcept {
  std::pair<std::uint32_t, std::uint32_t> version;
  const char* end = release.data() + release.size();
  const auto [dot, error] = std::from_chars(release.data(), end, version.first);
  if (error != std::errc{} || dot == end || std::from_chars(dot + 1, end, version.second).ec != std::errc{}) {
    return std::nullopt;
  }
  return version;
}

}  // namespace

MemoryFacts read_memory(const Recording& recording) {
  MemoryFacts memory;
  memory.nodes = list_in(recording.text(kNodesOnline));
  memory.pages_2m = read_huge_pages(recording, kPages2m, memory.nodes);
  memory.pages_1g = read_huge_pages(recording, kPages1g, memory.nodes);
  memory.thp = chosen_in(recording.text(kThpEnabled));
  memory.thp_shared = chosen_in(recording.text(kThpShmem));
  memory.lock_limit = soft_limit(recording.text(kLimits).value_or(""), "Max locked memory");
  memory.overcommit = number_in(recording.text(kOvercommit));
  memory.numa_balancing = switch_in(recording.text(kNumaBalancing));
  return memory;
}

IsolationFacts read_isolation(const Recording& recording) {
  constexpr std::string_view kFolder = "/sys/devices/system/cpu/vulnerabilities/";
  IsolationFacts isolation;
  isolation.online = list_in(recording.text(kCpusOnline));
  const CpuList at_boot = list_in(recording.text(kCpusIsolated));
  const CpuList partitions = list_in(recording.text(kPartitionsIsolated));
  std::set_union(at_boot.begin(), at_boot.end(), partitions.begin(), partitions.end(),
                 std::back_inserter(isolation.isolated));
  isolation.nohz_full = list_in(recording.text(kCpusNohzFull));
  for (const std::uint32_t cpu : isolation.isolated) {
    if (const auto siblings = recording.text(siblings_of(cpu))) {
      isolation.siblings[cpu] = list_in(siblings);
    }
  }
  isolation.smt = switch_in(recording.text(kSmtActive));
  isolation.security_modules = recording.text(kSecurityModules).value_or("");
  isolation.seccomp_actions = recording.text(kSeccompActions).value_or("");
  if (const auto most = number_in(recording.text(kUserNamespacesMax))) {
    isolation.user_namespaces = *most > 0 &&
                                switch_in(recording.text(kUserNamespacesForUsers)).value_or(true) &&
                                !switch_in(recording.text(kUserNamespacesOfProfiles)).value_or(false);
  }
  if (const auto controllers = recording.text(kCgroupControllers)) {
    isolation.cgroup_controllers = *controllers;
  }
  if (const auto own = own_cgroup_in(recording.text(kOwnCgroups).value_or(""))) {
    isolation.own_cgroup = *own;
  }
  if (const auto answer = recording.answer(kOwnCgroupWritable)) {
    isolation.own_cgroup_writable = *answer == 0;
  }
  for (const auto& [path, state] : recording.files) {
    if (path.starts_with(kFolder) && state != "Not affected") {
      isolation.vulnerabilities.emplace_back(path.substr(kFolder.size()), state);
    }
  }
  return isolation;
}

Capabilities read_capabilities(const Recording& recording) {
  Capabilities host;
  host.kernel = recording.text(kRelease).value_or("");
  host.kernel_version = version_of(host.kernel);
  host.clock_source = recording.text(kClockSource).value_or("");
  host.cpu = read_cpu(recording);
  host.kvm = read_kvm(recording, host.cpu.vendor);
  host.vfio = read_vfio(recording);
  host.iommu = read_iommu(recording);
  host.memory = read_memory(recording);
  host.network = read_network(recording);
  host.isolation = read_isolation(recording);
  return host;
}

}  // namespace mayfly::doctor
