// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <sys/ioctl.h>

/// What is asked of the host's kernel as the server of virtqueues (include/uapi/linux/vhost.h and
/// vhost_types.h, which C++ cannot read).
namespace mayfly::io {

struct VhostRegion {
  std::uint64_t guest;
  std::uint64_t bytes;
  std::uint64_t host;
  std::uint64_t padding;
};
static_assert(sizeof(VhostRegion) == 32);

/// The regions follow.
struct VhostMemory {
  std::uint32_t regions;
  std::uint32_t padding;
};
static_assert(sizeof(VhostMemory) == 8);

struct VhostRingNumber {
  std::uint32_t queue;
  std::uint32_t number;
};
static_assert(sizeof(VhostRingNumber) == 8);

struct VhostRingFile {
  std::uint32_t queue;
  std::int32_t file;
};
static_assert(sizeof(VhostRingFile) == 8);

/// Addresses of ours.
struct VhostRingAreas {
  std::uint32_t queue;
  std::uint32_t flags;
  std::uint64_t descriptors;
  std::uint64_t device_area;
  std::uint64_t driver_area;
  std::uint64_t log;
};
static_assert(sizeof(VhostRingAreas) == 40);

inline constexpr std::uint32_t kVhostGetFeatures = _IOR(0xaf, 0x00, std::uint64_t);
inline constexpr std::uint32_t kVhostSetFeatures = _IOW(0xaf, 0x00, std::uint64_t);
inline constexpr std::uint32_t kVhostSetOwner = _IO(0xaf, 0x01);
inline constexpr std::uint32_t kVhostSetMemory = _IOW(0xaf, 0x03, VhostMemory);
inline constexpr std::uint32_t kVhostSetRingSize = _IOW(0xaf, 0x10, VhostRingNumber);
inline constexpr std::uint32_t kVhostSetRingAreas = _IOW(0xaf, 0x11, VhostRingAreas);
inline constexpr std::uint32_t kVhostSetRingBase = _IOW(0xaf, 0x12, VhostRingNumber);
inline constexpr std::uint32_t kVhostSetRingKick = _IOW(0xaf, 0x20, VhostRingFile);
inline constexpr std::uint32_t kVhostSetRingCall = _IOW(0xaf, 0x21, VhostRingFile);
inline constexpr std::uint32_t kVhostSetRingError = _IOW(0xaf, 0x22, VhostRingFile);
inline constexpr std::uint32_t kVhostNetSetBackend = _IOW(0xaf, 0x30, VhostRingFile);
inline constexpr std::uint32_t kVhostVsockSetGuestCid = _IOW(0xaf, 0x60, std::uint64_t);
inline constexpr std::uint32_t kVhostVsockSetRunning = _IOW(0xaf, 0x61, std::int32_t);

}  // namespace mayfly::io
