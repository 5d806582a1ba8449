// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

/// The head of a Mayfly image. EROFS and ext4 both leave the first 1024 bytes of a device free; the header
/// lives there, so that the same file is a mountable file system from byte 0 and a checked Mayfly image.
///
///     0          header (1024 bytes)
///     1024       file system (superblock at 1024 from the start, as both formats have it)
///     fs_bytes   launch defaults (protocol/launch.hpp), launch_bytes long
///     ...        zeros up to a multiple of 2 MiB = the file's size
namespace mayfly::image {

enum class FileSystem : std::uint32_t { kErofs = 1, kExt4 = 2 };

/// On-disk header, little endian.
struct ImageHeader {
  std::array<char, 8> magic;                   // 0    "MAYFLY\0\1"
  std::uint32_t version;                       // 8    1
  FileSystem file_system;                      // 12
  std::uint64_t image_bytes;                   // 16   size of the file, a multiple of 2 MiB
  std::uint64_t fs_bytes;                      // 24   file system proper, a multiple of 4096
  std::uint64_t launch_offset;                 // 32   = fs_bytes
  std::uint64_t launch_bytes;                  // 40
  std::array<std::uint8_t, 32> launch_digest;  // 48   SHA-256 of the launch defaults
  std::array<std::uint8_t, 32> fs_digest;      // 80   SHA-256 of bytes [1024, fs_bytes)
  std::array<std::uint8_t, 880> zero;          // 112
  std::array<std::uint8_t, 32> header_digest;  // 992  SHA-256 of bytes [0, 992)
};
static_assert(sizeof(ImageHeader) == 1024);
static_assert(offsetof(ImageHeader, fs_digest) == 80 && offsetof(ImageHeader, header_digest) == 992);

inline constexpr std::array<char, 8> kImageMagic = {'M', 'A', 'Y', 'F', 'L', 'Y', '\0', '\1'};
inline constexpr std::uint32_t kImageVersion = 1;
inline constexpr std::uint64_t kImageAlignment = 2U << 20U;

}  // namespace mayfly::image
