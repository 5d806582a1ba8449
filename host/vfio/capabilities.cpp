// SPDX-License-Identifier: Apache-2.0
#include "vfio/capabilities.hpp"

#include <algorithm>
#include <bitset>
#include <cstring>

#include "pci/header.hpp"

namespace mayfly::vfio {

namespace header = pci::header;

namespace {

constexpr std::size_t kConventionalBytes = 0x100;
constexpr std::size_t kExtendedBytes = 0x1000;

void measure(std::vector<Capability>& found, std::size_t end) noexcept {
  for (Capability& one : found) {
    std::size_t next = end;
    for (const Capability& other : found) {
      if (other.offset > one.offset) {
        next = std::min<std::size_t>(next, other.offset);
      }
    }
    one.room = static_cast<std::uint16_t>(next - one.offset);
  }
}

}  // namespace

std::vector<Capability> walk_capabilities(std::span<const std::byte> config) {
  std::vector<Capability> found;
  if (config.size() < kConventionalBytes ||
      (config[header::kStatus] & header::kStatusHasList) == std::byte{0}) {
    return found;
  }
  std::bitset<kConventionalBytes> seen;
  // The two lowest bits of a link are reserved.
  auto at = std::to_integer<std::size_t>(config[header::kCapabilities] & std::byte{0xfc});
  while (at >= header::kEnd && !seen[at]) {
    seen.set(at);
    const auto id = std::to_integer<std::uint16_t>(config[at]);
    if (id == 0xff) {  // nothing answers there
      break;
    }
    found.push_back({.id = id, .offset = static_cast<std::uint16_t>(at)});
    at = std::to_integer<std::size_t>(config[at + 1] & std::byte{0xfc});
  }
  measure(found, kConventionalBytes);
  return found;
}

std::vector<Capability> walk_extended(std::span<const std::byte> config,
                                      const std::function<void(std::size_t)>& before) {
  std::vector<Capability> found;
  std::bitset<kExtendedBytes> seen;
  std::size_t at = kConventionalBytes;
  while (at >= kConventionalBytes && at + sizeof(std::uint32_t) <= config.size() && !seen[at]) {
    seen.set(at);
    if (before) {
      before(at);
    }
    std::uint32_t header = 0;
    std::memcpy(&header, config.data() + at, sizeof(header));
    if (header == 0 || header == ~0U) {
      break;
    }
    found.push_back(
        {.id = static_cast<std::uint16_t>(header & 0xffffU), .offset = static_cast<std::uint16_t>(at)});
    at = header >> 20U & 0xffcU;
  }
  measure(found, std::min(config.size(), kExtendedBytes));
  return found;
}

}  // namespace mayfly::vfio
