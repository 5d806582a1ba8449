// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

/// The words of the virtio 1.2 specification that more than one file here uses.
namespace mayfly::virtio {

/// Device types (chapter 5).
enum class DeviceId : std::uint16_t {
  kNet = 1,
  kBlock = 2,
  kConsole = 3,
  kEntropy = 4,
  kBalloon = 5,
  kSocket = 19,
  kPmem = 27
};

/// Feature bits 24 to 63 that we know (chapter 6).
inline constexpr std::uint64_t kFeatureIndirectDescriptors = 1ULL << 28U;
inline constexpr std::uint64_t kFeatureEventIndex = 1ULL << 29U;
inline constexpr std::uint64_t kFeatureVersion1 = 1ULL << 32U;

/// Device status bits (2.1).
inline constexpr std::uint8_t kStatusAcknowledge = 1;
inline constexpr std::uint8_t kStatusDriver = 2;
inline constexpr std::uint8_t kStatusDriverOk = 4;
inline constexpr std::uint8_t kStatusFeaturesOk = 8;
inline constexpr std::uint8_t kStatusNeedsReset = 64;
inline constexpr std::uint8_t kStatusFailed = 128;

/// One entry of the descriptor area or of an indirect table (2.7.5).
struct Descriptor {
  std::uint64_t address;  //  0
  std::uint32_t bytes;    //  8
  std::uint16_t flags;    // 12
  std::uint16_t next;     // 14
};
static_assert(sizeof(Descriptor) == 16 && offsetof(Descriptor, flags) == 12);

inline constexpr std::uint16_t kDescriptorNext = 1;
inline constexpr std::uint16_t kDescriptorWrite = 2;
inline constexpr std::uint16_t kDescriptorIndirect = 4;

/// The driver area ("available ring", 2.7.6): these two, then an entry of 2 bytes a descriptor, then
/// used_event.
inline constexpr std::uint64_t kAvailFlags = 0;
inline constexpr std::uint64_t kAvailIndex = 2;
inline constexpr std::uint64_t kAvailRing = 4;
inline constexpr std::uint16_t kAvailNoInterrupt = 1;

/// The device area ("used ring", 2.7.8): these two, then UsedElements, then avail_event.
inline constexpr std::uint64_t kUsedFlags = 0;
inline constexpr std::uint64_t kUsedIndex = 2;
inline constexpr std::uint64_t kUsedRing = 4;
inline constexpr std::uint16_t kUsedNoNotify = 1;

struct UsedElement {
  std::uint32_t head;   // 0
  std::uint32_t bytes;  // 4
};
static_assert(sizeof(UsedElement) == 8);

/// The other side asked to hear of entry `event`; does going from `old_index` to `new_index` pass it? All
/// modulo 2^16 (2.7.10).
[[nodiscard]] constexpr bool passes_event(std::uint16_t event, std::uint16_t new_index,
                                          std::uint16_t old_index) noexcept {
  return static_cast<std::uint16_t>(new_index - event - 1) <
         static_cast<std::uint16_t>(new_index - old_index);
}

}  // namespace mayfly::virtio
