// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "image-builder/tree/mode.hpp"

/// EROFS on disk, as far as an uncompressed image needs it. All little endian.
/// Source: Linux 6.12, fs/erofs/erofs_fs.h, and Documentation/filesystems/erofs.rst.
namespace mayfly::image::erofs {

inline constexpr std::uint64_t kBlockBytes = 4096;
inline constexpr unsigned kBlockBits = 12;
inline constexpr std::uint64_t kSuperblockOffset = 1024;
inline constexpr std::uint32_t kSuperblockMagic = 0xE0F5E1E2;
/// Inodes lie at multiples of this; a nid is such a multiple, counted from the metadata area (here: from byte
/// 0).
inline constexpr std::uint64_t kSlotBytes = 32;

inline constexpr std::uint32_t kCompatChecksum = 1;
inline constexpr std::uint32_t kCompatMtime = 2;

struct Superblock {
  std::uint32_t magic;                     // 0
  std::uint32_t checksum;                  // 4   crc32c of [1024, 4096) with this field zero
  std::uint32_t feature_compat;            // 8
  std::uint8_t block_bits;                 // 12
  std::uint8_t extension_slots;            // 13
  std::uint16_t root_nid;                  // 14
  std::uint64_t inodes;                    // 16
  std::uint64_t build_time;                // 24  mtime of all compact inodes
  std::uint32_t build_nanoseconds;         // 32
  std::uint32_t blocks;                    // 36
  std::uint32_t metadata_block;            // 40
  std::uint32_t shared_xattr_block;        // 44
  std::array<std::uint8_t, 16> uuid;       // 48
  std::array<char, 16> volume_name;        // 64
  std::uint32_t feature_incompat;          // 80
  std::uint16_t compression_algorithms;    // 84
  std::uint16_t extra_devices;             // 86
  std::uint16_t device_table_slot;         // 88
  std::uint8_t directory_block_bits;       // 90  beyond block_bits
  std::uint8_t xattr_prefixes;             // 91
  std::uint32_t xattr_prefix_start;        // 92
  std::array<std::uint8_t, 8> packed_nid;  // 96
  std::array<std::uint8_t, 24> reserved;   // 104
};
static_assert(sizeof(Superblock) == 128);
static_assert(offsetof(Superblock, build_time) == 24 && offsetof(Superblock, uuid) == 48);
static_assert(offsetof(Superblock, feature_incompat) == 80 && offsetof(Superblock, packed_nid) == 96);

/// Where a file's bytes are: all in blocks of their own, or the last part right behind the inode.
enum class DataLayout : std::uint16_t { kFlatPlain = 0, kFlatInline = 2 };
enum class InodeForm : std::uint16_t { kCompact = 0, kExtended = 1 };

/// The inode's first field.
[[nodiscard]] constexpr std::uint16_t inode_format(InodeForm form, DataLayout layout) noexcept {
  return static_cast<std::uint16_t>(static_cast<unsigned>(form) | static_cast<unsigned>(layout) << 1U);
}

struct CompactInode {
  std::uint16_t format;       // 0
  std::uint16_t xattr_count;  // 2   0, or 1 + 4-byte units behind the xattr header
  std::uint16_t mode;         // 4
  std::uint16_t links;        // 6
  std::uint32_t size;         // 8
  std::uint32_t reserved;     // 12
  std::uint32_t block;        // 16  first data block, or the device number
  std::uint32_t number;       // 20
  std::uint16_t uid;          // 24
  std::uint16_t gid;          // 26
  std::uint32_t reserved2;    // 28
};
static_assert(sizeof(CompactInode) == 32 && offsetof(CompactInode, block) == 16);

struct ExtendedInode {
  std::uint16_t format;                    // 0
  std::uint16_t xattr_count;               // 2
  std::uint16_t mode;                      // 4
  std::uint16_t reserved;                  // 6
  std::uint64_t size;                      // 8
  std::uint32_t block;                     // 16
  std::uint32_t number;                    // 20
  std::uint32_t uid;                       // 24
  std::uint32_t gid;                       // 28
  std::uint64_t mtime;                     // 32
  std::uint32_t mtime_nanoseconds;         // 40
  std::uint32_t links;                     // 44
  std::array<std::uint8_t, 16> reserved2;  // 48
};
static_assert(sizeof(ExtendedInode) == 64 && offsetof(ExtendedInode, mtime) == 32);

/// Stands between an inode that has xattrs and their entries.
struct XattrHeader {
  std::uint32_t name_filter;
  std::uint8_t shared_count;
  std::array<std::uint8_t, 7> reserved;
};
static_assert(sizeof(XattrHeader) == 12);

enum class XattrIndex : std::uint8_t { kUser = 1, kAclAccess = 2, kAclDefault = 3, kSecurity = 6 };

/// Followed by the name without its prefix and the value; the next one is aligned to 4 bytes.
struct XattrEntry {
  std::uint8_t name_bytes;
  XattrIndex index;
  std::uint16_t value_bytes;
};
static_assert(sizeof(XattrEntry) == 4);

/// A directory block begins with its entries, sorted bytewise by name, followed by the names.
struct __attribute__((packed)) DirectoryEntry {
  std::uint64_t nid;
  std::uint16_t name_offset;
  FileType type;
  std::uint8_t reserved;
};
static_assert(sizeof(DirectoryEntry) == 12);

}  // namespace mayfly::image::erofs
