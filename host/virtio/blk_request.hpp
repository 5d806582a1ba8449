// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

/// The words of the block device (virtio 1.2, 5.2).
namespace mayfly::virtio {

/// All that is counted in sectors is, whatever the disk's own unit (5.2.4).
inline constexpr std::uint64_t kSectorBytes = 512;

/// Feature bits (5.2.3).
inline constexpr std::uint64_t kBlkSizeMax = 1ULL << 1U;
inline constexpr std::uint64_t kBlkSegmentMax = 1ULL << 2U;
inline constexpr std::uint64_t kBlkReadOnly = 1ULL << 5U;
inline constexpr std::uint64_t kBlkBlockSize = 1ULL << 6U;
inline constexpr std::uint64_t kBlkFlush = 1ULL << 9U;
inline constexpr std::uint64_t kBlkTopology = 1ULL << 10U;
inline constexpr std::uint64_t kBlkDiscard = 1ULL << 13U;
inline constexpr std::uint64_t kBlkWriteZeroes = 1ULL << 14U;

/// Device configuration (5.2.4), as far as what we offer needs it.
struct BlkConfig {
  std::uint64_t capacity = 0;                  //  0: sectors
  std::uint32_t size_max = 0;                  //  8: bytes
  std::uint32_t seg_max = 0;                   // 12
  std::array<std::uint8_t, 4> geometry{};      // 16
  std::uint32_t blk_size = 0;                  // 20: bytes
  std::uint8_t physical_block_exp = 0;         // 24: log2 of physical blocks in blk_size
  std::uint8_t alignment_offset = 0;           // 25
  std::uint16_t min_io_size = 0;               // 26: in blk_size
  std::uint32_t opt_io_size = 0;               // 28
  std::uint8_t writeback = 0;                  // 32
  std::uint8_t unused = 0;                     // 33
  std::uint16_t num_queues = 0;                // 34
  std::uint32_t max_discard_sectors = 0;       // 36
  std::uint32_t max_discard_seg = 0;           // 40
  std::uint32_t discard_sector_alignment = 0;  // 44
  std::uint32_t max_write_zeroes_sectors = 0;  // 48
  std::uint32_t max_write_zeroes_seg = 0;      // 52
  std::uint8_t write_zeroes_may_unmap = 0;     // 56
  std::array<std::uint8_t, 7> padding{};       // 57
};
static_assert(sizeof(BlkConfig) == 64 && offsetof(BlkConfig, blk_size) == 20 &&
              offsetof(BlkConfig, num_queues) == 34 && offsetof(BlkConfig, max_discard_sectors) == 36 &&
              offsetof(BlkConfig, write_zeroes_may_unmap) == 56);

/// Before the data of a request (5.2.6); after it there is a byte for the status.
struct BlkHeader {
  std::uint32_t type = 0;      // 0
  std::uint32_t reserved = 0;  // 4
  std::uint64_t sector = 0;    // 8
};
static_assert(sizeof(BlkHeader) == 16 && offsetof(BlkHeader, sector) == 8);

inline constexpr std::uint32_t kBlkIn = 0;
inline constexpr std::uint32_t kBlkOut = 1;
inline constexpr std::uint32_t kBlkFlushRequest = 4;
inline constexpr std::uint32_t kBlkGetId = 8;
inline constexpr std::uint32_t kBlkDiscardRequest = 11;
inline constexpr std::uint32_t kBlkWriteZeroesRequest = 13;

/// The data of kBlkGetId: no NUL where all are used.
inline constexpr std::size_t kBlkIdBytes = 20;

/// The data of kBlkDiscardRequest and kBlkWriteZeroesRequest.
struct BlkRange {
  std::uint64_t sector = 0;   //  0
  std::uint32_t sectors = 0;  //  8
  std::uint32_t flags = 0;    // 12
};
static_assert(sizeof(BlkRange) == 16 && offsetof(BlkRange, flags) == 12);

/// Of BlkRange::flags; others are reserved.
inline constexpr std::uint32_t kBlkUnmap = 1;

enum class BlkStatus : std::uint8_t { kOk = 0, kIoError = 1, kUnsupported = 2 };

}  // namespace mayfly::virtio
