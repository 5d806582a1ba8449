// SPDX-License-Identifier: Apache-2.0
#include "vfio/device_bars.hpp"

#include <bit>
#include <cstring>

#include "base/checked.hpp"
#include "base/error.hpp"
#include "vfio/config_filter.hpp"

namespace mayfly::vfio {
namespace {

constexpr std::size_t kBar0 = 0x10;
constexpr std::uint32_t kBarIsIo = 1;
constexpr std::uint32_t kBarType = 0x6;
constexpr std::uint32_t kBarType64 = 0x4;

std::uint32_t dword(std::span<const std::byte> config, std::size_t at) noexcept {
  std::uint32_t value = 0;
  std::memcpy(&value, config.data() + at, sizeof(value));
  return value;
}

}  // namespace

std::vector<std::byte> read_config_space(DeviceAccess& device, const std::string& name) {
  const std::uint64_t bytes = device.region(kConfigRegion).bytes;
  std::vector<std::byte> config(bytes >= ConfigFilter::kBytes ? ConfigFilter::kBytes
                                                              : pci::ConfigSpace::kBytes);
  const auto read = [&](std::size_t at, std::size_t count) {
    if (!device.read(kConfigRegion, at, std::span(config).subspan(at, count))) {
      fail_errno("cannot read the configuration space of device " + name);
    }
  };
  read(0, pci::ConfigSpace::kBytes);
  constexpr std::size_t kLink = 4;
  constexpr std::size_t kHead = 8;
  for (const Capability& each : walk_extended(config, [&](std::size_t at) { read(at, kLink); })) {
    if (each.room >= kHead) {
      read(each.offset + kLink, kHead - kLink);
    }
    if (const std::size_t shown = shown_bytes(config, each); shown > kHead) {
      read(each.offset + kHead, shown - kHead);
    }
  }
  return config;
}

std::array<pci::Bar, pci::kBarsMax> read_bars(const DeviceAccess& device, std::span<const std::byte> config,
                                              const std::string& name) {
  std::array<pci::Bar, pci::kBarsMax> bars{};
  for (std::uint32_t i = 0; i < bars.size(); ++i) {
    const std::uint32_t flags = dword(config, kBar0 + std::size_t{4} * i);
    const std::uint64_t bytes = device.region(i).bytes;
    if (bytes == 0 || (flags & kBarIsIo) != 0) {
      continue;
    }
    const bool wide = (flags & kBarType) == kBarType64;
    if (!std::has_single_bit(bytes) || bytes < 16 || (wide ? i + 1 >= bars.size() : bytes > 2 * kGiB)) {
      throw Error("device " + name + " has a BAR that cannot be: BAR " + std::to_string(i) + " of " +
                  std::to_string(bytes) + " bytes");
    }
    bars[i] = {bytes, wide ? pci::BarWidth::k64 : pci::BarWidth::k32};
    i += wide ? 1 : 0;
  }
  return bars;
}

MsixPlace msix_place(const pci::ConfigSpace& space, std::uint8_t at) noexcept {
  constexpr std::uint32_t kBarBits = 7;
  const auto table = space.get<std::uint32_t>(at + 4U);
  const auto pba = space.get<std::uint32_t>(at + 8U);
  return {.vectors = (space.get<std::uint16_t>(at + 2U) & 0x7ffU) + 1,
          .table_bar = static_cast<std::uint8_t>(table & kBarBits),
          .pba_bar = static_cast<std::uint8_t>(pba & kBarBits),
          .table = table & ~kBarBits,
          .pba = pba & ~kBarBits};
}

}  // namespace mayfly::vfio
