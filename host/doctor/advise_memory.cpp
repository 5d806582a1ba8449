// SPDX-License-Identifier: Apache-2.0
#include "base/checked.hpp"
#include "doctor/advise.hpp"

namespace mayfly::doctor {
namespace {

constexpr Mechanism kPages2mWay{"memory", "pages-2m",
                                "a fault and an entry for 2 MiB of guest memory, not for 4 KiB",
                                "Documentation/admin-guide/mm/hugetlbpage.rst"};
constexpr Mechanism kPages1gWay{"memory", "pages-1g", "a fault and an entry for 1 GiB of guest memory",
                                "Documentation/admin-guide/mm/hugetlbpage.rst"};
constexpr Mechanism kThpWay{"memory", "thp", "2 MiB pages with none set aside, by --pages thp",
                            "Documentation/admin-guide/mm/transhuge.rst"};
constexpr Mechanism kThpSharedWay{"memory", "thp-shmem", "the same for memory and images on tmpfs",
                                  "Documentation/admin-guide/mm/transhuge.rst"};
constexpr Mechanism kLock{"memory", "memlock", "devices passed through need all guest memory locked",
                          "Documentation/driver-api/vfio.rst"};
constexpr Mechanism kOvercommitWay{"memory", "overcommit", "guests may have more memory than they use",
                                   "Documentation/mm/overcommit-accounting.rst"};
constexpr Mechanism kNodes{"numa", "nodes", "memory beside the CPU that uses it",
                           "Documentation/mm/numa.rst"};
constexpr Mechanism kBalancing{"numa", "no-balancing",
                               "no faults of guest memory that is taken away to see who uses it",
                               "Documentation/admin-guide/sysctl/kernel.rst, numa_balancing"};

struct Size {
  const Mechanism& mechanism;
  const char* option;
  const char* folder;
  const char* example;
  const char* lacking;
};

std::string on_nodes(const HugePages& pages) {
  if (pages.free_on_nodes.size() < 2) {
    return "";
  }
  std::string text;
  for (const auto& [node, free] : pages.free_on_nodes) {
    text += (text.empty() ? " (node " : ", node ") + std::to_string(node) + ": " + std::to_string(free);
  }
  return text + ")";
}

Finding check_huge_pages(const HugePages& pages, const Size& size) {
  if (!pages.all.has_value()) {
    return is_absent(
        size.mechanism,
        std::string("the host has no huge pages of this size, so ") + size.option + " does not work",
        size.lacking);
  }
  if (pages.free == 0) {
    return is_off(size.mechanism,
                  "none of " + std::to_string(*pages.all) + " free, so " + size.option + " does not work",
                  std::string("set aside ") + size.example + " | sudo tee " + size.folder + "/nr_hugepages");
  }
  return is_on(size.mechanism,
               std::to_string(pages.free) + " of " + std::to_string(*pages.all) + " free" + on_nodes(pages));
}

Finding check_thp(const MemoryFacts& memory) {
  if (memory.thp.empty()) {
    return is_absent(kThpWay, "the host's kernel has none, so --pages thp does not work",
                     "boot a kernel with CONFIG_TRANSPARENT_HUGEPAGE");
  }
  if (memory.thp == "never") {
    return is_off(kThpWay, "never, so guest memory gets 4 KiB pages where no huge page is set aside",
                  "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled");
  }
  return is_on(kThpWay, memory.thp);
}

Finding check_thp_shared(const MemoryFacts& memory) {
  if (memory.thp_shared.empty()) {
    return is_absent(kThpSharedWay, "not in this kernel");
  }
  if (memory.thp_shared == "never" || memory.thp_shared == "deny") {
    return is_off(kThpSharedWay, memory.thp_shared,
                  "echo advise | sudo tee /sys/kernel/mm/transparent_hugepage/shmem_enabled");
  }
  return is_on(kThpSharedWay, memory.thp_shared);
}

Finding check_lock(const MemoryFacts& memory) {
  if (!memory.lock_limit.has_value()) {
    return warning(kLock, "cannot tell the limit on locked memory", "see that /proc is mounted");
  }
  if (*memory.lock_limit == UINT64_MAX) {
    return is_on(kLock, "no limit on locked memory");
  }
  return is_off(kLock, "locked memory is limited to " + std::to_string(*memory.lock_limit / kMiB) + " MiB",
                "for passthrough, raise it: ulimit -l unlimited");
}

Finding check_overcommit(const MemoryFacts& memory) {
  if (!memory.overcommit.has_value()) {
    return is_unknown(kOvercommitWay, "not told", "see that /proc is mounted");
  }
  if (*memory.overcommit == 2) {
    return is_off(kOvercommitWay, "never: a guest's whole --memory must be free when it starts",
                  "sudo sysctl vm.overcommit_memory=0");
  }
  return is_on(kOvercommitWay, *memory.overcommit == 1 ? "always" : "by the kernel's estimate");
}

Finding check_nodes(const MemoryFacts& memory) {
  if (memory.nodes.empty()) {
    return is_unknown(kNodes, "not told");
  }
  if (memory.nodes.size() == 1) {
    return is_on(kNodes, "one node: all memory is near");
  }
  return is_off(
      kNodes,
      std::to_string(memory.nodes.size()) + " nodes: a guest may get CPUs of one and memory of another",
      "numactl --cpunodebind=0 --membind=0 mayfly run ...");
}

}  // namespace

void advise_memory(const Capabilities& host, std::vector<Finding>& findings) {
  const MemoryFacts& memory = host.memory;
  findings.push_back(check_huge_pages(memory.pages_2m,
                                      {kPages2mWay, "--pages 2m", "/sys/kernel/mm/hugepages/hugepages-2048kB",
                                       "512 MiB: echo 256", "boot a kernel with CONFIG_HUGETLBFS"}));
  findings.push_back(check_huge_pages(
      memory.pages_1g, {kPages1gWay, "--pages 1g", "/sys/kernel/mm/hugepages/hugepages-1048576kB",
                        "1 GiB: echo 1", "a CPU with pdpe1gb and a kernel with CONFIG_HUGETLBFS have them"}));
  findings.push_back(check_thp(memory));
  findings.push_back(check_thp_shared(memory));
  findings.push_back(check_lock(memory));
  findings.push_back(check_overcommit(memory));
  findings.push_back(check_nodes(memory));
  if (memory.nodes.size() > 1) {
    const Switch off = memory.numa_balancing.has_value() ? Switch(!*memory.numa_balancing) : std::nullopt;
    findings.push_back(
        of_switch(kBalancing, off, "where guests are bound to nodes: sudo sysctl kernel.numa_balancing=0"));
  } else {
    findings.push_back(is_on(kBalancing, "nothing to balance"));
  }
}

}  // namespace mayfly::doctor
