// SPDX-License-Identifier: Apache-2.0
#include "boot/start_info.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>

#include "base/error.hpp"

namespace mayfly::boot {
namespace {

// hvm_start_info, version 1.
struct StartInfo {
  std::uint32_t magic;           // 0   "xEn3" with the top bit of 'E' set
  std::uint32_t version;         // 4
  std::uint32_t flags;           // 8
  std::uint32_t nr_modules;      // 12
  std::uint64_t modlist_paddr;   // 16
  std::uint64_t cmdline_paddr;   // 24
  std::uint64_t rsdp_paddr;      // 32
  std::uint64_t memmap_paddr;    // 40
  std::uint32_t memmap_entries;  // 48
  std::uint32_t reserved;        // 52
};
static_assert(sizeof(StartInfo) == 56 && offsetof(StartInfo, memmap_paddr) == 40);

// hvm_memmap_table_entry; types are those of E820.
struct MapEntry {
  std::uint64_t addr;      // 0
  std::uint64_t size;      // 8
  std::uint32_t type;      // 16
  std::uint32_t reserved;  // 20
};
static_assert(sizeof(MapEntry) == 24);

constexpr std::uint32_t kMagic = 0x336ec578;
constexpr std::uint32_t kTypeRam = 1;
constexpr std::uint32_t kTypeReserved = 2;
constexpr std::uint32_t kTypeAcpi = 3;
constexpr GuestAddress kMapAt{kStartInfoAt.raw() + 64};
constexpr std::size_t kReservedMax = 8;

class MemoryMap {
 public:
  void add(std::uint64_t start, std::uint64_t end, std::uint32_t type) noexcept {
    if (start < end) {
      MAYFLY_ASSERT(count_ < entries_.size());
      entries_[count_++] = {start, end - start, type, 0};
    }
  }
  void add(GuestRange range, std::uint32_t type) noexcept {
    add(range.start.raw(), range.start.raw() + range.bytes, type);
  }
  void sort() noexcept {
    std::sort(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(count_),
              [](const MapEntry& a, const MapEntry& b) { return a.addr < b.addr; });
  }
  [[nodiscard]] std::span<const MapEntry> entries() const noexcept { return {entries_.data(), count_}; }

 private:
  // Each region may be cut in two by the hole; one more for ACPI.
  std::array<MapEntry, 2 * GuestMemory::kRegionsMax + 1 + kReservedMax> entries_{};
  std::size_t count_ = 0;
};
static_assert(kMapAt.raw() + sizeof(MemoryMap) <= kCommandLineAt.raw());
static_assert(kCommandLineAt.raw() + kCommandLineBytesMax <= kBootData.start.raw() + kBootData.bytes);

MemoryMap build_map(std::span<const GuestMemory::Region> ram, const StartInfoInputs& inputs) noexcept {
  constexpr std::uint64_t kHoleStart = kLegacyHole.start.raw();
  constexpr std::uint64_t kHoleEnd = kHoleStart + kLegacyHole.bytes;
  MemoryMap map;
  for (const GuestMemory::Region& region : ram) {
    const std::uint64_t start = region.guest.start.raw();
    const std::uint64_t end = start + region.guest.bytes;
    map.add(start, std::min(end, kHoleStart), kTypeRam);
    map.add(std::max(start, kHoleEnd), end, kTypeRam);
  }
  map.add(inputs.acpi, kTypeAcpi);
  for (const GuestRange& range : inputs.reserved) {
    map.add(range, kTypeReserved);
  }
  map.sort();
  return map;
}

void check_command_line(std::string_view line) {
  if (line.size() >= kCommandLineBytesMax) {
    throw Error("the kernel command line has " + std::to_string(line.size()) + " bytes, the limit is " +
                std::to_string(kCommandLineBytesMax - 1) + "; shorten --cmdline-append");
  }
  if (line.find('\0') != std::string_view::npos) {
    throw Error("the kernel command line has a NUL byte in it; remove it from --cmdline-append");
  }
}

}  // namespace

void write_start_info(GuestMemory& memory, const StartInfoInputs& inputs) {
  check_command_line(inputs.command_line);
  MAYFLY_ASSERT(inputs.reserved.size() <= kReservedMax);
  const MemoryMap map = build_map(memory.regions(), inputs);
  const StartInfo info{.magic = kMagic,
                       .version = 1,
                       .flags = 0,
                       .nr_modules = 0,
                       .modlist_paddr = 0,
                       .cmdline_paddr = kCommandLineAt.raw(),
                       .rsdp_paddr = inputs.rsdp.raw(),
                       .memmap_paddr = kMapAt.raw(),
                       .memmap_entries = static_cast<std::uint32_t>(map.entries().size()),
                       .reserved = 0};
  // Room for the NUL is claimed too; it is there already, for fresh memory is zero.
  const GuestAddress nul{kCommandLineAt.raw() + inputs.command_line.size()};
  if (!memory.write(kStartInfoAt, info) || !memory.copy_in(kMapAt, std::as_bytes(map.entries())) ||
      !memory.copy_in(kCommandLineAt, std::as_bytes(std::span(inputs.command_line))) ||
      !memory.write(nul, std::uint8_t{0})) {
    throw Error("the guest has no memory below 640 KiB for its boot data; give more with --memory");
  }
}

}  // namespace mayfly::boot
