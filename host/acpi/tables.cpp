// SPDX-License-Identifier: Apache-2.0
#include "acpi/tables.hpp"

#include <cstring>
#include <numeric>
#include <span>

#include "acpi/dsdt.hpp"
#include "acpi/table_layout.hpp"
#include "base/checked.hpp"
#include "base/error.hpp"

namespace mayfly::acpi {
namespace {

constexpr std::array<char, 6> kOemId = {'M', 'A', 'Y', 'F', 'L', 'Y'};
constexpr std::array<char, 8> kOemTableId = {'M', 'I', 'C', 'R', 'O', 'V', 'M', ' '};
constexpr std::array<char, 4> kCreatorId = {'M', 'Y', 'F', 'L'};

// FADT flags (5.2.9, table 5.10).
constexpr std::uint32_t kWbinvd = 1U << 0U;
constexpr std::uint32_t kNoPowerButton = 1U << 4U;
constexpr std::uint32_t kNoSleepButton = 1U << 5U;
constexpr std::uint32_t kResetRegister = 1U << 10U;
constexpr std::uint32_t kHardwareReduced = 1U << 20U;
// IAPC_BOOT_ARCH flags (5.2.9.3).
constexpr std::uint16_t kNoVga = 1U << 2U;
constexpr std::uint16_t kNoAspm = 1U << 4U;
constexpr std::uint16_t kNoCmosClock = 1U << 5U;

template <typename T>
std::span<const std::byte> bytes_of(const T& value) noexcept {
  return std::as_bytes(std::span(&value, 1));
}

void append(std::vector<std::byte>& to, std::span<const std::byte> bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

std::uint8_t checksum(std::span<const std::byte> bytes) noexcept {
  const unsigned sum = std::accumulate(bytes.begin(), bytes.end(), 0U, [](unsigned total, std::byte value) {
    return total + std::to_integer<unsigned>(value);
  });
  return static_cast<std::uint8_t>(0U - sum);
}

constexpr GenericAddress byte_port(std::uint16_t port) noexcept {
  return {.space = 1, .bits = 8, .offset = 0, .access_size = 1, .address = port};
}

// Tables one after the other, each 8-byte aligned, for a fixed guest address.
class TableBlock {
 public:
  explicit TableBlock(GuestAddress at) : at_(at), bytes_(align_up(sizeof(Rsdp), 8)) {}

  // The table's guest address.
  std::uint64_t add(Signature signature, std::uint8_t revision, std::span<const std::byte> body) {
    const std::size_t start = align_up(bytes_.size(), 8);
    TableHeader header{.signature = signature,
                       .length = static_cast<std::uint32_t>(sizeof(TableHeader) + body.size()),
                       .revision = revision,
                       .checksum = 0,
                       .oem_id = kOemId,
                       .oem_table_id = kOemTableId,
                       .oem_revision = 1,
                       .creator_id = kCreatorId,
                       .creator_revision = 1};
    header.checksum = static_cast<std::uint8_t>(checksum(bytes_of(header)) + checksum(body));
    bytes_.resize(start);
    append(bytes_, bytes_of(header));
    append(bytes_, body);
    return at_.raw() + start;
  }

  std::vector<std::byte> finish(std::uint64_t xsdt_address) && {
    Rsdp rsdp{.signature = {'R', 'S', 'D', ' ', 'P', 'T', 'R', ' '},
              .checksum = 0,
              .oem_id = kOemId,
              .revision = 2,
              .rsdt_address = 0,
              .length = sizeof(Rsdp),
              .xsdt_address = xsdt_address,
              .extended_checksum = 0,
              .zero = {}};
    rsdp.checksum = checksum(bytes_of(rsdp).first(20));
    rsdp.extended_checksum = checksum(bytes_of(rsdp));
    std::memcpy(bytes_.data(), &rsdp, sizeof(rsdp));
    return std::move(bytes_);
  }

 private:
  GuestAddress at_;
  std::vector<std::byte> bytes_;
};

Fadt build_fadt(const PowerPorts& ports, std::uint64_t dsdt_address) noexcept {
  Fadt fadt{};
  fadt.boot_flags = kNoVga | kNoAspm | kNoCmosClock;
  fadt.flags = kWbinvd | kNoPowerButton | kNoSleepButton | kResetRegister | kHardwareReduced;
  fadt.reset_register = byte_port(ports.reset);
  fadt.reset_value = kResetValue;
  fadt.minor_version = 5;
  fadt.dsdt_address = dsdt_address;
  fadt.sleep_control = byte_port(ports.sleep_control);
  fadt.sleep_status = byte_port(ports.sleep_status);
  fadt.hypervisor = {'M', 'A', 'Y', 'F', 'L', 'Y', '\0', '\0'};
  return fadt;
}

std::vector<std::byte> build_madt(const AcpiInputs& inputs) {
  std::vector<std::byte> body;
  append(body, bytes_of(Madt{.local_apic_address = inputs.local_apic_address, .flags = 0}));
  for (std::size_t uid = 0; uid < inputs.apic_ids.size(); ++uid) {
    MAYFLY_ASSERT(inputs.apic_ids[uid] < 255 && uid < 255);  // more need x2APIC entries
    append(body, bytes_of(MadtLocalApic{.uid = static_cast<std::uint8_t>(uid),
                                        .apic_id = static_cast<std::uint8_t>(inputs.apic_ids[uid])}));
  }
  if (!inputs.intx.empty()) {
    append(body, bytes_of(MadtIoApic{.id = inputs.io_apic_id, .address = inputs.io_apic_address}));
  }
  return body;
}

std::vector<std::byte> build_srat(const AcpiInputs& inputs) {
  std::vector<std::byte> body;
  MAYFLY_ASSERT(inputs.nodes.cpu_nodes.size() == inputs.apic_ids.size());
  append(body, bytes_of(Srat{}));
  for (std::size_t i = 0; i < inputs.apic_ids.size(); ++i) {
    MAYFLY_ASSERT(inputs.nodes.cpu_nodes[i] <= 255 && inputs.apic_ids[i] < 255);
    append(body, bytes_of(SratLocalApic{.node_low = static_cast<std::uint8_t>(inputs.nodes.cpu_nodes[i]),
                                        .apic_id = static_cast<std::uint8_t>(inputs.apic_ids[i])}));
  }
  for (const NodeRange& memory : inputs.nodes.memory) {
    append(body, bytes_of(SratMemory{
                     .node = memory.node, .base = memory.range.start.raw(), .bytes = memory.range.bytes}));
  }
  return body;
}

// System Locality Information Table (5.2.17): how many nodes, and their distances.
std::vector<std::byte> build_slit(std::span<const std::uint8_t> distances) {
  std::uint64_t nodes = 1;
  while (nodes * nodes < distances.size()) {
    ++nodes;
  }
  MAYFLY_ASSERT(nodes * nodes == distances.size());
  std::vector<std::byte> body;
  append(body, bytes_of(nodes));
  append(body, std::as_bytes(distances));
  return body;
}

constexpr Mcfg build_mcfg(GuestAddress ecam) noexcept {
  return {.zero_36 = 0, .base = ecam.raw(), .segment = 0, .first_bus = 0, .last_bus = 0, .zero_56 = 0};
}

}  // namespace

std::vector<std::byte> build_tables(const AcpiInputs& inputs, GuestAddress at) {
  const Aml definitions = build_dsdt(inputs);
  TableBlock block(at);
  const std::uint64_t dsdt = block.add({'D', 'S', 'D', 'T'}, 2, definitions.bytes());
  std::vector<std::uint64_t> listed = {
      block.add({'F', 'A', 'C', 'P'}, 6, bytes_of(build_fadt(inputs.ports, dsdt))),
      block.add({'A', 'P', 'I', 'C'}, 5, build_madt(inputs)),
      block.add({'M', 'C', 'F', 'G'}, 1, bytes_of(build_mcfg(inputs.ecam))),
  };
  if (!inputs.nodes.memory.empty()) {
    listed.push_back(block.add({'S', 'R', 'A', 'T'}, 3, build_srat(inputs)));
    listed.push_back(block.add({'S', 'L', 'I', 'T'}, 1, build_slit(inputs.nodes.distances)));
  }
  const std::uint64_t xsdt = block.add({'X', 'S', 'D', 'T'}, 1, std::as_bytes(std::span(listed)));
  return std::move(block).finish(xsdt);
}

GuestRange write_tables(GuestMemory& memory, const AcpiInputs& inputs) {
  const std::vector<std::byte> tables = build_tables(inputs, kTablesArea.start);
  MAYFLY_ASSERT(tables.size() <= kTablesArea.bytes);
  if (!memory.copy_in(kTablesArea.start, tables)) {
    throw Error("the guest has no memory below 1 MiB for its ACPI tables; give more with --memory");
  }
  return {kTablesArea.start, tables.size()};
}

}  // namespace mayfly::acpi
