// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "guest-init/protocol/launch.hpp"
#include "host/base/result.hpp"
#include "image-builder/format/image_header.hpp"
#include "image-builder/format/sha256.hpp"

namespace mayfly::image {

/// Why a file is not a Mayfly image. The callers that read files use kTooShort, kBadFsDigest and
/// kPaddingNotZero.
enum class ImageFault : std::uint8_t {
  kTooShort,
  kBadMagic,
  kBadVersion,
  kBadHeaderDigest,
  kReservedNotZero,
  kBadFileSystem,
  kTruncated,
  kTooLong,
  kMisaligned,
  kBadLayout,
  kBadLaunchDigest,
  kBadLaunch,
  kBadFsDigest,
  kPaddingNotZero,
};

/// One sentence for people, without a final stop; to stand after the file's name and a colon.
[[nodiscard]] std::string_view describe(ImageFault fault) noexcept;

/// What a checked header says. All offsets lie inside the file, sizes and their sums do not overflow.
struct ImageInfo {
  FileSystem file_system;
  std::uint64_t image_bytes;    ///< Size of the file, a multiple of kImageAlignment.
  std::uint64_t fs_bytes;       ///< The file system is bytes [0, fs_bytes).
  std::uint64_t launch_offset;  ///< Where the launch defaults begin.
  std::uint64_t launch_bytes;   ///< Their size, at most protocol::kLaunchBytesMax.
  Digest launch_digest;
  Digest fs_digest;  ///< SHA-256 of [kHeaderBytes, fs_bytes); not compared by check_header.
};

inline constexpr std::size_t kHeaderBytes = sizeof(ImageHeader);
inline constexpr std::uint64_t kFsBlockBytes = 4096;

/// Checks the first bytes of a file that is `file_bytes` long. Total over all inputs, never allocates, any
/// thread.
[[nodiscard]] Result<ImageInfo, ImageFault> check_header(std::span<const std::byte, kHeaderBytes> bytes,
                                                         std::uint64_t file_bytes) noexcept;

/// Checks the bytes at [launch_offset, launch_offset + launch_bytes). The request borrows `bytes`.
[[nodiscard]] Result<protocol::LaunchRequest, ImageFault> check_launch(
    const ImageInfo& info, std::span<const std::byte> bytes) noexcept;

}  // namespace mayfly::image
