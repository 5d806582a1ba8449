// SPDX-License-Identifier: Apache-2.0
#include "pci/config_space.hpp"

#include <algorithm>
#include <bit>

#include "base/checked.hpp"
#include "pci/header.hpp"

namespace mayfly::pci {
namespace {

constexpr std::uint16_t kCommandMemory = 1U << 1U;
constexpr std::uint16_t kCommandBusMaster = 1U << 2U;
constexpr std::uint16_t kCommandInterruptDisable = 1U << 10U;
/// In bus clocks, as firmware sets it: Linux writes one below 16 anew whenever a driver makes the function a
/// bus master.
constexpr std::uint8_t kLatency = 64;
constexpr std::uint32_t kBarIs64 = 0b100;
constexpr std::uint64_t kBarFlags = 0xf;

constexpr std::size_t bar_register(std::size_t index) noexcept { return header::kBar0 + 4 * index; }

}  // namespace

ConfigSpace::ConfigSpace(const Identity& identity) noexcept
    : last_link_(header::kCapabilities), next_capability_(header::kEnd) {
  set<std::uint16_t>(header::kVendor, identity.vendor, 0);
  set<std::uint16_t>(header::kDevice, identity.device, 0);
  set<std::uint16_t>(header::kCommand, 0, kCommandMemory | kCommandBusMaster | kCommandInterruptDisable);
  set<std::uint32_t>(header::kRevisionAndClass, identity.class_code << 8U | identity.revision, 0);
  set<std::uint8_t>(header::kLatencyTimer, kLatency, 0xff);
  set<std::uint16_t>(header::kSubsystemVendor, identity.subsystem_vendor, 0);
  set<std::uint16_t>(header::kSubsystem, identity.subsystem, 0);
  set<std::uint8_t>(header::kInterruptLine, 0, 0xff);
}

void ConfigSpace::add_bar(std::size_t index, const Bar& bar) noexcept {
  const std::size_t registers = bar.width == BarWidth::k64 ? 2 : 1;
  MAYFLY_ASSERT(index + registers <= kBarsMax && std::has_single_bit(bar.bytes) && bar.bytes >= 16);
  const std::uint64_t writable = ~(bar.bytes - 1);
  bars_[index] = bar;
  if (bar.width == BarWidth::k64) {
    set<std::uint32_t>(bar_register(index), kBarIs64, static_cast<std::uint32_t>(writable));
    set<std::uint32_t>(bar_register(index + 1), 0, static_cast<std::uint32_t>(writable >> 32U));
  } else {
    MAYFLY_ASSERT(bar.bytes <= 2 * kGiB);
    set<std::uint32_t>(bar_register(index), 0, static_cast<std::uint32_t>(writable));
  }
}

std::uint8_t ConfigSpace::add_capability(std::uint8_t id, std::span<const std::byte> body,
                                         std::span<const std::byte> writable) noexcept {
  const std::size_t at = next_capability_;
  MAYFLY_ASSERT(at + 2 + body.size() <= kBytes && (writable.empty() || writable.size() == body.size()));
  set<std::uint16_t>(at, id, 0);
  std::copy(body.begin(), body.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(at + 2));
  std::copy(writable.begin(), writable.end(), writable_.begin() + static_cast<std::ptrdiff_t>(at + 2));
  set<std::uint8_t>(last_link_, static_cast<std::uint8_t>(at), 0);
  set<std::byte>(header::kStatus, header::kStatusHasList, std::byte{0});
  last_link_ = at + 1;
  next_capability_ = align_up(at + 2 + body.size(), 4);
  return static_cast<std::uint8_t>(at);
}

void ConfigSpace::place_bar(std::size_t index, std::uint64_t address) noexcept {
  const Bar& bar = bars_[index];
  MAYFLY_ASSERT(bar.bytes > 0 && (address & (bar.bytes - 1)) == 0);
  const auto flags = static_cast<std::uint32_t>(get<std::uint32_t>(bar_register(index)) & kBarFlags);
  const auto low = static_cast<std::uint32_t>(address) | flags;
  std::memcpy(bytes_.data() + bar_register(index), &low, sizeof(low));
  const auto high = static_cast<std::uint32_t>(address >> 32U);
  if (bar.width == BarWidth::k64) {
    std::memcpy(bytes_.data() + bar_register(index + 1), &high, sizeof(high));
  } else {
    MAYFLY_ASSERT(high == 0);
  }
}

std::optional<std::uint64_t> ConfigSpace::bar_address(std::size_t index) const noexcept {
  if ((get<std::uint16_t>(header::kCommand) & kCommandMemory) == 0 || bars_[index].bytes == 0) {
    return std::nullopt;
  }
  return placed_at(index);
}

std::uint64_t ConfigSpace::placed_at(std::size_t index) const noexcept {
  std::uint64_t address = get<std::uint32_t>(bar_register(index)) & ~kBarFlags;
  if (bars_[index].width == BarWidth::k64) {
    address |= std::uint64_t{get<std::uint32_t>(bar_register(index + 1))} << 32U;
  }
  return address;
}

void ConfigSpace::read(std::size_t offset, std::span<std::byte> data) const noexcept {
  if (offset >= kBytes) {
    return;
  }
  const std::size_t bytes = std::min(data.size(), kBytes - offset);
  std::memcpy(data.data(), bytes_.data() + offset, bytes);
}

void ConfigSpace::write(std::size_t offset, std::span<const std::byte> data) noexcept {
  for (std::size_t i = 0; i < data.size() && offset + i < kBytes; ++i) {
    const std::byte writable = writable_[offset + i];
    std::byte& byte = bytes_[offset + i];
    byte = (byte & ~writable) | (data[i] & writable);
  }
}

}  // namespace mayfly::pci
