// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <map>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "acpi/tables.hpp"
#include "base/checked.hpp"

/// Machines and views of their tables, for tests.
namespace mayfly::acpi::testing {

/// Inputs as vmm would give them; `inputs` points into the object. With several CPUs it has interrupt lines
/// and two NUMA nodes, too: the last CPU is of the second.
struct Machine {
  explicit Machine(std::size_t cpus) : apic_ids(cpus), cpu_nodes(cpus) {
    std::iota(apic_ids.begin(), apic_ids.end(), 0U);
    inputs.apic_ids = apic_ids;
    inputs.ecam = GuestAddress(0xe0000000);
    inputs.mmio_32 = {GuestAddress(0xe0100000), 0x1c000000};
    inputs.mmio_64 = {GuestAddress(512 * kGiB), 512 * kGiB};
    if (cpus > 1) {
      inputs.intx = intx;
      cpu_nodes.back() = 1;
      inputs.nodes = {memory, cpu_nodes, distances};
    }
  }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  std::vector<std::uint32_t> apic_ids;
  std::vector<std::uint32_t> cpu_nodes;
  std::array<NodeRange, 2> memory{NodeRange{{GuestAddress(0), 3 * kGiB}, 0},
                                  NodeRange{{GuestAddress(4 * kGiB), 5 * kGiB}, 1}};
  std::array<std::uint8_t, 4> distances{10, 21, 21, 10};
  std::array<InterruptRoute, 2> intx{InterruptRoute{4, 16}, InterruptRoute{31, 23}};
  AcpiInputs inputs;
};

using Tables = std::map<std::string, std::vector<std::byte>>;

/// Follows the pointers from the RSDP at the front of `block`, which lies at `at`: signature to table.
inline Tables split(std::span<const std::byte> block, GuestAddress at) {
  const auto u64 = [](std::span<const std::byte> from, std::size_t offset) {
    std::uint64_t value = 0;
    std::memcpy(&value, from.subspan(offset, sizeof(value)).data(), sizeof(value));
    return value;
  };
  Tables tables;
  const auto add = [&](std::uint64_t address) {
    const auto from = block.subspan(address - at.raw());
    std::uint32_t length = 0;
    std::memcpy(&length, from.subspan(4, sizeof(length)).data(), sizeof(length));
    const auto table = from.first(length);
    std::string name(4, '\0');
    std::memcpy(name.data(), table.data(), name.size());
    return std::span<const std::byte>(tables[name] = {table.begin(), table.end()});
  };
  const auto xsdt = add(u64(block, 24));
  for (std::size_t offset = 36; offset < xsdt.size(); offset += 8) {
    add(u64(xsdt, offset));
  }
  add(u64(tables.at("FACP"), 140));
  return tables;
}

}  // namespace mayfly::acpi::testing
