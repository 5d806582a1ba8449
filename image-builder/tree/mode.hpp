// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "image-builder/tree/tree.hpp"

namespace mayfly::image {

/// File types as both EROFS and ext4 note them in directories (Linux, include/linux/fs_types.h, FT_*).
enum class FileType : std::uint8_t {
  kRegular = 1,
  kDirectory = 2,
  kCharacter = 3,
  kBlock = 4,
  kFifo = 5,
  kSocket = 6,
  kSymlink = 7,
};

[[nodiscard]] FileType file_type(const Node& node);
/// st_mode: type and permissions.
[[nodiscard]] std::uint16_t file_mode(const Node& node);
/// The device's number as Linux' new_encode_dev() gives it.
[[nodiscard]] std::uint32_t device_number(const Special& device);

}  // namespace mayfly::image
