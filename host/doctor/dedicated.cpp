// SPDX-License-Identifier: Apache-2.0
#include "doctor/dedicated.hpp"

#include <algorithm>
#include <iterator>

namespace mayfly::doctor {
namespace {

std::string name(const CpuList& cpus) { return (cpus.size() == 1 ? "CPU " : "CPUs ") + to_text(cpus); }

std::string verb(const CpuList& cpus, const char* one, const char* several) {
  return cpus.size() == 1 ? one : several;
}

Result<CpuList, std::string> check_asked(const IsolationFacts& host, std::uint32_t vcpus,
                                         const CpuList& asked) {
  if (asked.size() < vcpus) {
    return unexpected(name(asked) + verb(asked, " is", " are") + " too few for " + std::to_string(vcpus) +
                      " vCPUs, which need one each");
  }
  if (const CpuList gone = difference(asked, host.online); !gone.empty()) {
    return unexpected(name(gone) + verb(gone, " is", " are") + " not online; online are " +
                      to_text(host.online));
  }
  if (const CpuList shared = difference(asked, host.isolated); !shared.empty()) {
    return unexpected(name(shared) + verb(shared, " is", " are") +
                      " shared with all other processes; isolate them: boot with isolcpus=" +
                      to_text(shared) + ", or make them a cpuset partition of type isolated");
  }
  return asked;
}

}  // namespace

CpuList sharing_a_core(const IsolationFacts& host) {
  CpuList sharing;
  std::copy_if(
      host.isolated.begin(), host.isolated.end(), std::back_inserter(sharing), [&](std::uint32_t cpu) {
        const auto siblings = host.siblings.find(cpu);
        return siblings != host.siblings.end() && !difference(siblings->second, host.isolated).empty();
      });
  return sharing;
}

Result<CpuList, std::string> choose_dedicated(const IsolationFacts& host, std::uint32_t vcpus,
                                              const std::optional<CpuList>& asked) {
  if (asked.has_value()) {
    return check_asked(host, vcpus, *asked);
  }
  CpuList usable = difference(host.isolated, difference(host.isolated, host.online));
  if (usable.size() < vcpus) {
    return unexpected(std::to_string(vcpus) +
                      (vcpus == 1 ? " vCPU needs an isolated CPU" : " vCPUs need an isolated CPU each") +
                      ", and " +
                      (usable.empty() ? std::string("no CPU is")
                                      : "only " + to_text(usable) + verb(usable, " is", " are")) +
                      " isolated; boot with isolcpus=LIST, or make a cpuset partition of type isolated");
  }
  const CpuList sharing = sharing_a_core(host);
  std::stable_partition(usable.begin(), usable.end(),
                        [&](std::uint32_t cpu) { return !contains(sharing, cpu); });
  return usable;
}

}  // namespace mayfly::doctor
