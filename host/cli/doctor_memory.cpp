// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <charconv>

#include "base/checked.hpp"
#include "cli/doctor.hpp"

namespace mayfly::cli {
namespace {

// The chosen one of "always [madvise] never".
std::string_view selected(std::string_view text) noexcept {
  const std::size_t begin = text.find('[');
  const std::size_t end = text.find(']');
  return begin == std::string_view::npos || end == std::string_view::npos || end < begin
             ? std::string_view()
             : text.substr(begin + 1, end - begin - 1);
}

std::uint64_t number(std::string_view text) noexcept {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// The soft limit on a line of /proc/self/limits.
std::string_view soft_limit(std::string_view limits, std::string_view name) noexcept {
  const std::size_t at = limits.find(name);
  if (at == std::string_view::npos) {
    return {};
  }
  std::string_view rest = limits.substr(at + name.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  return rest.substr(0, rest.find(' '));
}

}  // namespace

Finding check_huge_pages(const HostView& host, std::string_view name, std::string_view size) {
  const std::string directory = "/sys/kernel/mm/hugepages/hugepages-" + std::string(size);
  const std::optional<std::string> free = host.text(directory + "/free_hugepages");
  const std::optional<std::string> all = host.text(directory + "/nr_hugepages");
  const std::string option = name == "pages-1g" ? "--pages 1g" : "--pages 2m";
  if (!free.has_value() || !all.has_value()) {
    return {Level::kWarn, name, "the host has no huge pages of this size, so " + option + " does not work",
            name == "pages-1g" ? "a CPU with pdpe1gb and a kernel with hugetlbfs have them"
                               : "boot a kernel with CONFIG_HUGETLBFS"};
  }
  if (number(*free) == 0) {
    const std::string wanted = name == "pages-1g" ? "1 GiB: echo 1" : "512 MiB: echo 256";
    return {Level::kWarn, name, "none of " + *all + " free, so " + option + " does not work",
            "reserve " + wanted + " | sudo tee " + directory + "/nr_hugepages"};
  }
  return {Level::kOk, name, *free + " of " + *all + " free"};
}

Finding check_transparent_pages(const HostView& host) {
  constexpr std::string_view kName = "pages-thp";
  const std::string directory = "/sys/kernel/mm/transparent_hugepage";
  const std::optional<std::string> shared = host.text(directory + "/shmem_enabled");
  if (!shared.has_value()) {
    return {Level::kWarn, kName,
            "the host's kernel has no transparent huge pages, so --pages thp does not work",
            "boot a kernel with CONFIG_TRANSPARENT_HUGEPAGE"};
  }
  const std::string_view state = selected(*shared);
  const std::string what = "shmem_enabled is " + std::string(state) + ", enabled is " +
                           std::string(selected(host.text(directory + "/enabled").value_or("")));
  if (state == "never" || state == "deny") {
    return {Level::kWarn, kName, what + ", so guest memory gets 4 KiB pages where no huge page is reserved",
            "echo advise | sudo tee " + directory + "/shmem_enabled"};
  }
  return {Level::kOk, kName, what};
}

Finding check_locked_memory(const HostView& host) {
  constexpr std::string_view kName = "memlock";
  const std::string limits = host.text("/proc/self/limits").value_or("");
  const std::string_view limit = soft_limit(limits, "Max locked memory");
  if (limit == "unlimited") {
    return {Level::kOk, kName, "no limit on locked memory"};
  }
  if (limit.empty()) {
    return {Level::kWarn, kName, "cannot tell the limit on locked memory", "see that /proc is mounted"};
  }
  return {Level::kWarn, kName,
          "locked memory is limited to " + std::to_string(number(limit) / kMiB) +
              " MiB, which device passthrough needs for all guest memory",
          "for passthrough, raise it: ulimit -l unlimited"};
}

Finding check_passthrough(const HostView& host) {
  constexpr std::string_view kName = "passthrough";
  const std::size_t groups = host.entries("/sys/kernel/iommu_groups");
  if (groups == 0) {
    return {Level::kWarn, kName, "no IOMMU in use, so devices cannot be passed through",
            "turn on VT-d or AMD-Vi in the firmware's set-up and boot with intel_iommu=on (Intel)"};
  }
  const std::string what = std::to_string(groups) + " IOMMU groups";
  const bool has_iommufd = host.exists("/dev/iommu");
  if (!has_iommufd && !host.exists("/dev/vfio/vfio")) {
    return {Level::kWarn, kName, what + ", but no VFIO", "sudo modprobe vfio-pci"};
  }
  return {Level::kOk, kName, what + (has_iommufd ? ", VFIO with iommufd" : ", VFIO")};
}

}  // namespace mayfly::cli
