// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

/// What the guest knows of the machine that it attacks: where its devices are, and what it was told to do.
namespace hostile {

// host/memory/layout.hpp; the machine has 128 MiB and a small image.
inline constexpr std::uint64_t kMiB = 1ULL << 20U;
inline constexpr std::uint64_t kGiB = 1ULL << 30U;
inline constexpr std::uint64_t kRamEnd = 128 * kMiB;
inline constexpr std::uint64_t kWindow32 = 0xc0000000;
inline constexpr std::uint64_t kEcam = 0xe0000000;
inline constexpr std::uint64_t kLocalApic = 0xfee00000;
// host/kvm/msr.cpp leaves it in x2APIC mode (Intel SDM 3A, 11.12).
inline constexpr std::uint32_t kApicBase = 0x1b;
inline constexpr std::uint32_t kX2Apic = 0x800;
inline constexpr std::uint32_t kX2ApicCommand = 0x830;
inline constexpr std::uint32_t kSyntheticTimers = 0x400000b0;
inline constexpr std::uint64_t kPmemAt = 4 * kGiB;
inline constexpr std::uint64_t kWindow64 = 5 * kGiB;

// Memory, as this guest uses it: its own code, tables and stacks below, what devices are shown above.
inline constexpr std::uint64_t kRings = 4 * kMiB;
inline constexpr std::uint64_t kRequests = 8 * kMiB;
inline constexpr std::uint64_t kBuffers = 16 * kMiB;

// virtio 1.2, 4.1.4.3, where host/virtio/pci_transport.cpp has it.
inline constexpr std::uint64_t kStatus = 20;
inline constexpr std::uint64_t kQueueSelect = 22;
inline constexpr std::uint64_t kQueueSize = 24;
inline constexpr std::uint64_t kQueueVector = 26;
inline constexpr std::uint64_t kQueueEnable = 28;
inline constexpr std::uint64_t kQueueAddresses = 32;
inline constexpr std::uint64_t kDeviceConfig = 0x200;
inline constexpr std::uint64_t kMsixTable = 0x1000;
inline constexpr std::uint64_t kMsixTableEnd = 0x1800;
inline constexpr std::uint64_t kNotify = 0x2000;
inline constexpr std::uint64_t kBarBytes = 0x4000;

// Device types.
inline constexpr std::uint16_t kNet = 1;
inline constexpr std::uint16_t kBlock = 2;
inline constexpr std::uint16_t kConsole = 3;
inline constexpr std::uint16_t kBalloon = 5;
inline constexpr std::uint16_t kSocket = 19;
inline constexpr std::uint16_t kPmem = 27;

inline constexpr unsigned kQueuesMax = 8;

struct Device {
  std::uint64_t bar = 0;
  std::uint64_t config = 0;
  std::uint16_t type = 0;
  std::uint16_t queues = 0;
  std::uint16_t sizes[kQueuesMax] = {};
  /// Offsets of its capabilities for configuration access and MSI-X.
  std::uint8_t access_at = 0;
  std::uint8_t msix_at = 0;
};

struct Machine {
  Device devices[16];
  std::uint32_t count = 0;
  std::uint64_t seed = 0;
  std::uint32_t cpus = 1;
  std::uint32_t rounds = 1;
  /// The guest may do what ends the machine.
  bool deadly = false;
};

/// Looks at the bus, and at `seed=`, `cpus=`, `rounds=` and `deadly=` of the kernel's command line.
void explore(Machine& machine) noexcept;

}  // namespace hostile
