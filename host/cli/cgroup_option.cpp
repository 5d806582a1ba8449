// SPDX-License-Identifier: Apache-2.0
#include "cli/cgroup_option.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

#include "cli/quantity.hpp"
#include "cli/refuse.hpp"

namespace mayfly::cli {
namespace {

std::string check_size(std::string_view text, std::string_view key, std::string_view value) {
  const auto bytes = parse_bytes(value);
  if (!bytes.has_value() || *bytes == 0) {
    refuse("--cgroup", text, std::string(key) + " is an amount such as 512M");
  }
  return std::to_string(*bytes);
}

/// cpu.max: microseconds of processors in a period (Documentation/admin-guide/cgroup-v2.rst).
std::string check_percent(std::string_view text, std::string_view value) {
  constexpr std::uint64_t kPeriodUs = 100'000;
  constexpr std::uint64_t kPercentMax = 1'000'000;
  const bool ends_well = value.ends_with('%');
  const auto percent = ends_well ? parse_count(value.substr(0, value.size() - 1)) : std::nullopt;
  if (!percent.has_value() || *percent == 0 || *percent > kPercentMax) {
    refuse("--cgroup", text,
           "cpu is a share of one processor's time, such as 50%, or 150% for one and a half");
  }
  return std::to_string(*percent * (kPeriodUs / 100)) + " " + std::to_string(kPeriodUs);
}

std::string check_pids(std::string_view text, std::string_view value) {
  const auto count = parse_count(value);
  if (!count.has_value() || *count == 0) {
    refuse("--cgroup", text, "pids is how many threads there may be, such as 64");
  }
  return std::to_string(*count);
}

/// Of huge pages both what is promised to a mapping, which fails then, and what is there.
void add_huge(vmm::CgroupSpec& spec, const std::string& size, const std::string& bytes) {
  spec.limits.push_back({"hugetlb." + size + ".rsvd.max", bytes});
  spec.limits.push_back({"hugetlb." + size + ".max", bytes});
}

void set_part(vmm::CgroupSpec& spec, std::string_view text, std::string_view key, std::string_view value) {
  if (key == "memory") {
    spec.limits.push_back({"memory.max", check_size(text, key, value)});
  } else if (key == "cpu") {
    spec.limits.push_back({"cpu.max", check_percent(text, value)});
  } else if (key == "pids") {
    spec.limits.push_back({"pids.max", check_pids(text, value)});
  } else if (key == "hugetlb-2m") {
    add_huge(spec, "2MB", check_size(text, key, value));
  } else if (key == "hugetlb-1g") {
    add_huge(spec, "1GB", check_size(text, key, value));
  } else {
    refuse("--cgroup", text,
           "after the folder there may be memory=SIZE, cpu=PERCENT%, pids=N, hugetlb-2m=SIZE and "
           "hugetlb-1g=SIZE");
  }
}

}  // namespace

vmm::CgroupSpec check_cgroup(const std::string& text) {
  vmm::CgroupSpec spec;
  std::string_view rest = text;
  spec.parent = take_part(rest);
  if (!spec.parent.starts_with('/')) {
    refuse("--cgroup", text, "write the folder of a cgroup, such as /sys/fs/cgroup/mayfly");
  }
  while (!rest.empty()) {
    const auto [key, value] = take_setting(rest);
    set_part(spec, text, key, value);
  }
  return spec;
}

}  // namespace mayfly::cli
