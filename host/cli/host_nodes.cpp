// SPDX-License-Identifier: Apache-2.0
#include "cli/host_nodes.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/error.hpp"
#include "base/text_file.hpp"
#include "doctor/cpu_list.hpp"

namespace mayfly::cli {
namespace {

/// A list of 8192 CPUs that has no two in a row, and more than 1024 distances.
constexpr std::size_t kTextMax = 64U << 10U;

std::optional<std::string> read_line(const std::string& path) {
  std::optional<std::string> text = read_text_file(path, kTextMax);
  while (text.has_value() && !text->empty() && text->back() == '\n') {
    text->pop_back();
  }
  return text;
}

[[noreturn]] void fail_unreadable(const std::string& path) {
  throw Error("--numa: cannot make sense of " + path);
}

doctor::CpuList read_list(const std::string& path) {
  const std::optional<std::string> text = read_line(path);
  const auto list = text.has_value() ? doctor::parse_cpu_list(*text) : std::nullopt;
  if (!list.has_value()) {
    fail_unreadable(path);
  }
  return *list;
}

/// One number for each node that is online, in ascending order.
std::vector<std::uint8_t> read_distances(const std::string& path, std::size_t count) {
  const std::optional<std::string> text = read_line(path);
  std::vector<std::uint8_t> distances;
  const char* at = text.has_value() ? text->data() : nullptr;
  const char* const end = text.has_value() ? at + text->size() : nullptr;
  while (at != end) {
    std::uint8_t distance = 0;
    const auto [stop, error] = std::from_chars(at, end, distance);
    if (error != std::errc{}) {
      fail_unreadable(path);
    }
    distances.push_back(distance);
    at = std::find_if(stop, end, [](char c) { return c != ' '; });
  }
  if (distances.size() != count) {
    fail_unreadable(path);
  }
  return distances;
}

std::size_t index_of(const doctor::CpuList& list, std::uint32_t number) {
  return static_cast<std::size_t>(std::lower_bound(list.begin(), list.end(), number) - list.begin());
}

std::uint32_t node_of_cpu(const std::vector<vmm::HostNode>& nodes, std::uint32_t cpu) {
  const auto node = std::find_if(nodes.begin(), nodes.end(),
                                 [&](const vmm::HostNode& each) { return doctor::contains(each.cpus, cpu); });
  if (node == nodes.end()) {
    throw Error("--dedicated would take CPU " + std::to_string(cpu) +
                ", which is of none of the nodes of --numa; name CPUs of theirs with --dedicated-cpus");
  }
  return static_cast<std::uint32_t>(node - nodes.begin());
}

}  // namespace

vmm::Placement place_on_nodes(const vmm::RunConfig& config, const std::string& root) {
  vmm::Placement placement;
  if (config.numa.empty()) {
    return placement;
  }
  const std::string folder = root + "/sys/devices/system/node/";
  const doctor::CpuList online = read_list(folder + "online");
  const doctor::CpuList with_memory = read_list(folder + "has_memory");
  for (const std::uint32_t id : config.numa) {
    if (!doctor::contains(with_memory, id)) {
      throw Error("--numa: this host has no node " + std::to_string(id) +
                  " with memory; those that have are " + doctor::to_text(with_memory));
    }
    const std::string node = folder + "node" + std::to_string(id) + "/";
    const std::vector<std::uint8_t> all = read_distances(node + "distance", online.size());
    vmm::HostNode& added = placement.nodes.emplace_back(vmm::HostNode{id, read_list(node + "cpulist"), {}});
    for (const std::uint32_t other : config.numa) {
      added.distances.push_back(all[index_of(online, other)]);
    }
  }
  for (std::uint32_t vcpu = 0; vcpu < config.cpus; ++vcpu) {
    placement.vcpu_nodes.push_back(
        config.own_cpus.empty() ? static_cast<std::uint32_t>(vcpu * placement.nodes.size() / config.cpus)
                                : node_of_cpu(placement.nodes, config.own_cpus.at(vcpu)));
  }
  return placement;
}

}  // namespace mayfly::cli
