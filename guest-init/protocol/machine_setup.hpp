// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

/// What a launch request says of the machine that init is to set up, as records of fixed size.
namespace mayfly::protocol {

/// In the order in which people write it.
using Ipv4Address = std::array<std::uint8_t, 4>;

/// How a network interface of the guest is set up.
struct NetworkSetup {
  std::array<std::uint8_t, 6> mac;  //  0: which interface
  std::uint8_t has_address;         //  6: one of those below; what follows is zero without
  std::uint8_t prefix;  //  7: 1 to 32, how many bits of the address are the network's; by DHCP how
                        //     many seconds that may take, 1 to 255, and the rest is zero
  Ipv4Address address;  //  8
  Ipv4Address gateway;  // 12: of the same network; all zero: there is none
  friend constexpr bool operator==(const NetworkSetup&, const NetworkSetup&) = default;
};
static_assert(sizeof(NetworkSetup) == 16 && alignof(NetworkSetup) == 1);

inline constexpr std::uint8_t kAddressNone = 0;
inline constexpr std::uint8_t kAddressGiven = 1;
inline constexpr std::uint8_t kAddressByDhcp = 2;

inline constexpr std::size_t kNetworksMax = 8;
/// What the other end of a device is called: as a tap (IFNAMSIZ).
inline constexpr std::size_t kOtherEndMax = 15;
/// As many as libc asks (resolv.conf(5), MAXNS).
inline constexpr std::size_t kNameserversMax = 3;

/// The port that mayfly has init's agent on. Below 1024: no workload without CAP_NET_BIND_SERVICE can stand
/// in for it.
inline constexpr std::uint32_t kAgentListensAt = 1023;

/// The mask of `prefix` bits, 1 to 32.
[[nodiscard]] constexpr Ipv4Address mask_of(std::uint8_t prefix) noexcept {
  const std::uint32_t bits = ~std::uint32_t{0} << (32U - prefix);
  return {static_cast<std::uint8_t>(bits >> 24U), static_cast<std::uint8_t>(bits >> 16U),
          static_cast<std::uint8_t>(bits >> 8U), static_cast<std::uint8_t>(bits)};
}

/// Whether the network of that many bits that `one` is in has `other` too.
[[nodiscard]] constexpr bool is_same_network(const Ipv4Address& one, const Ipv4Address& other,
                                             std::uint8_t prefix) noexcept {
  const Ipv4Address mask = mask_of(prefix);
  for (std::size_t i = 0; i < mask.size(); ++i) {
    if (((one[i] ^ other[i]) & mask[i]) != 0) {
      return false;
    }
  }
  return true;
}

/// Whether a guest can be set up so, with a device whose other end is called that.
[[nodiscard]] constexpr bool is_valid(const NetworkSetup& setup, std::string_view other_end) noexcept {
  constexpr Ipv4Address kNone{};
  const bool by_dhcp = setup.has_address == kAddressByDhcp;
  if (other_end.empty() == by_dhcp || other_end.size() > kOtherEndMax ||
      other_end.find('\0') != std::string_view::npos) {
    return false;
  }
  if (by_dhcp || setup.has_address == kAddressNone) {
    return (setup.prefix != 0) == by_dhcp && setup.address == kNone && setup.gateway == kNone;
  }
  return setup.has_address == kAddressGiven && setup.prefix >= 1 && setup.prefix <= 32 &&
         setup.address != kNone &&
         (setup.gateway == kNone ||
          (setup.gateway != setup.address && is_same_network(setup.address, setup.gateway, setup.prefix)));
}

/// The file systems that a disk may be mounted as.
enum class FileSystem : std::uint8_t { kExt4 = 0, kErofs = 1 };

/// A disk that is mounted before the workload runs.
struct DiskMount {
  std::uint8_t disk;       // 0: which one, /dev/vda is 0
  std::uint8_t read_only;  // 1: 0 or 1
  FileSystem file_system;  // 2
  std::uint8_t zero;       // 3
  friend constexpr bool operator==(const DiskMount&, const DiskMount&) = default;
};
static_assert(sizeof(DiskMount) == 4 && alignof(DiskMount) == 1);

inline constexpr std::size_t kMountsMax = 8;
/// Without its terminator (PATH_MAX).
inline constexpr std::size_t kMountPathMax = 4095;

/// Whether a guest can be told to mount that disk there.
[[nodiscard]] constexpr bool is_valid(const DiskMount& mount, std::string_view path) noexcept {
  return mount.disk < kMountsMax && mount.read_only <= 1 && mount.file_system <= FileSystem::kErofs &&
         mount.zero == 0 && path.starts_with('/') && path.size() <= kMountPathMax &&
         path.find('\0') == std::string_view::npos;
}

inline constexpr std::size_t kModulesMax = 16;
/// Of a module's name, a blank and its parameters.
inline constexpr std::size_t kModuleTextMax = 1023;

/// Whether a guest can be told to load that: a module's name, which may be followed by a blank and its
/// parameters, as modprobe(8) takes them.
[[nodiscard]] constexpr bool is_valid_module(std::string_view text) noexcept {
  constexpr std::string_view kNameCharacters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  const std::size_t blank = text.find(' ');
  const std::string_view name(text.data(), blank < text.size() ? blank : text.size());
  return !name.empty() && name.find_first_not_of(kNameCharacters) == std::string_view::npos &&
         text.size() <= kModuleTextMax && text.find('\0') == std::string_view::npos;
}

}  // namespace mayfly::protocol
