// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "image-builder/tree/tree.hpp"

/// What an image can hold of a file's attributes. Every function throws InputError that names the member
/// `path`.
namespace mayfly::image {

/// EROFS addresses 2^32 blocks of 4096 bytes.
inline constexpr std::uint64_t kFileBytesMax = std::uint64_t{1} << 44U;
/// 12 bits of major and 20 bits of minor number, as Linux has them.
inline constexpr std::uint32_t kMajorMax = (1U << 12U) - 1;
inline constexpr std::uint32_t kMinorMax = (1U << 20U) - 1;
/// XATTR_SIZE_MAX is 65536; EROFS counts a value's size in 16 bits.
inline constexpr std::size_t kXattrValueBytesMax = 65535;
/// EROFS counts an inode's xattrs in 16 bits of 4 bytes.
inline constexpr std::size_t kXattrsBytesMax = 200U << 10U;

[[nodiscard]] std::uint32_t checked_id(std::int64_t id, std::string_view path);
[[nodiscard]] std::uint64_t checked_size(std::int64_t size, std::string_view path);
[[nodiscard]] Special checked_device(Special device, std::string_view path);
[[nodiscard]] std::string checked_target(std::string_view target, std::string_view path);

/// Sorts the attributes by name and checks their sizes.
void finish_xattrs(std::vector<Xattr>& xattrs, std::string_view path);

}  // namespace mayfly::image
