// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "io/packet_port.hpp"

/// The words of the network device (virtio 1.2, 5.1).
namespace mayfly::virtio {

/// Feature bits (5.1.3). GUEST_*: the driver takes such packets; the others: the device does.
inline constexpr std::uint64_t kNetChecksum = 1ULL << 0U;
inline constexpr std::uint64_t kNetGuestChecksum = 1ULL << 1U;
inline constexpr std::uint64_t kNetMtu = 1ULL << 3U;
inline constexpr std::uint64_t kNetMac = 1ULL << 5U;
inline constexpr std::uint64_t kNetGuestTcp4 = 1ULL << 7U;
inline constexpr std::uint64_t kNetGuestTcp6 = 1ULL << 8U;
inline constexpr std::uint64_t kNetGuestEcn = 1ULL << 9U;
inline constexpr std::uint64_t kNetHostTcp4 = 1ULL << 11U;
inline constexpr std::uint64_t kNetHostTcp6 = 1ULL << 12U;
inline constexpr std::uint64_t kNetHostEcn = 1ULL << 13U;
inline constexpr std::uint64_t kNetMergeable = 1ULL << 15U;
inline constexpr std::uint64_t kNetStatus = 1ULL << 16U;
inline constexpr std::uint64_t kNetControlQueue = 1ULL << 17U;
inline constexpr std::uint64_t kNetSeveralPairs = 1ULL << 22U;
inline constexpr std::uint64_t kNetGuestUdp4 = 1ULL << 54U;
inline constexpr std::uint64_t kNetGuestUdp6 = 1ULL << 55U;
inline constexpr std::uint64_t kNetHostUdp = 1ULL << 56U;

/// What is before each packet (5.1.6).
struct NetHeader {
  std::uint8_t flags = 0;            //  0
  std::uint8_t gso_type = 0;         //  1
  std::uint16_t header_bytes = 0;    //  2
  std::uint16_t gso_bytes = 0;       //  4
  std::uint16_t checksum_start = 0;  //  6
  std::uint16_t checksum_at = 0;     //  8
  std::uint16_t num_buffers = 0;     // 10
};
static_assert(sizeof(NetHeader) == 12 && offsetof(NetHeader, num_buffers) == 10);

inline constexpr std::uint8_t kNetNeedsChecksum = 1;
inline constexpr std::uint8_t kNetDataValid = 2;
inline constexpr std::uint8_t kNetGsoNone = 0;
inline constexpr std::uint8_t kNetGsoTcp4 = 1;
inline constexpr std::uint8_t kNetGsoTcp6 = 4;
inline constexpr std::uint8_t kNetGsoUdp = 5;
inline constexpr std::uint8_t kNetGsoEcn = 0x80;

/// Device configuration (5.1.4).
struct NetConfig {
  std::array<std::uint8_t, 6> mac;    //  0
  std::uint16_t status;               //  6
  std::uint16_t max_virtqueue_pairs;  //  8
  std::uint16_t mtu;                  // 10
};
static_assert(sizeof(NetConfig) == 12 && offsetof(NetConfig, mtu) == 10);

inline constexpr std::uint16_t kNetLinkUp = 1;

/// In the control queue: what the driver asks for (5.1.6.5), as far as we know it.
struct NetCommand {
  std::array<std::uint8_t, 2> kind{};  // 0: class and command
  std::uint16_t pairs = 0;             // 2
};
static_assert(sizeof(NetCommand) == 4 && offsetof(NetCommand, pairs) == 2);

/// VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET (5.1.6.5.5): so many pairs are used.
inline constexpr std::array<std::uint8_t, 2> kNetPairsSet{4, 0};
inline constexpr std::uint8_t kNetAckOk = 0;
inline constexpr std::uint8_t kNetAckError = 1;

/// What a driver is offered where its port has these.
[[nodiscard]] constexpr std::uint64_t features_of(io::Offloads offloads) noexcept {
  // 5.1.3.1: all others need the checksum.
  if ((offloads & io::kChecksum) == 0) {
    return 0;
  }
  std::uint64_t features = kNetChecksum | kNetGuestChecksum;
  features |= (offloads & io::kSegmentTcp4) != 0 ? kNetHostTcp4 | kNetGuestTcp4 : 0;
  features |= (offloads & io::kSegmentTcp6) != 0 ? kNetHostTcp6 | kNetGuestTcp6 : 0;
  features |= (offloads & io::kSegmentTcpEcn) != 0 ? kNetHostEcn | kNetGuestEcn : 0;
  features |= (offloads & io::kSegmentUdp) != 0 ? kNetHostUdp | kNetGuestUdp4 | kNetGuestUdp6 : 0;
  return features;
}

/// What a driver with these features takes.
[[nodiscard]] constexpr io::Offloads offloads_of(std::uint64_t features) noexcept {
  constexpr std::uint64_t kBothUdp = kNetGuestUdp4 | kNetGuestUdp6;
  if ((features & kNetGuestChecksum) == 0) {
    return 0;
  }
  const int taken = io::kChecksum | ((features & kNetGuestTcp4) != 0 ? io::kSegmentTcp4 : 0) |
                    ((features & kNetGuestTcp6) != 0 ? io::kSegmentTcp6 : 0) |
                    ((features & kNetGuestEcn) != 0 ? io::kSegmentTcpEcn : 0) |
                    ((features & kBothUdp) == kBothUdp ? io::kSegmentUdp : 0);
  return static_cast<io::Offloads>(taken);
}

/// Whether packets of more than an MTU come.
[[nodiscard]] constexpr bool takes_segments(io::Offloads taken) noexcept {
  return (taken & (io::kSegmentTcp4 | io::kSegmentTcp6 | io::kSegmentUdp)) != 0;
}

/// Whether a driver that takes these can make sense of a packet with this header.
[[nodiscard]] constexpr bool is_taken(const NetHeader& header, io::Offloads taken) noexcept {
  if ((header.flags & (kNetNeedsChecksum | kNetDataValid)) != 0 && (taken & io::kChecksum) == 0) {
    return false;
  }
  if ((header.gso_type & kNetGsoEcn) != 0 && (taken & io::kSegmentTcpEcn) == 0) {
    return false;
  }
  switch (header.gso_type & ~kNetGsoEcn) {
    case kNetGsoNone:
      return true;
    case kNetGsoTcp4:
      return (taken & io::kSegmentTcp4) != 0;
    case kNetGsoTcp6:
      return (taken & io::kSegmentTcp6) != 0;
    case kNetGsoUdp:
      return (taken & io::kSegmentUdp) != 0;
    default:
      return false;
  }
}

}  // namespace mayfly::virtio
