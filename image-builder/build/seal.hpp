// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "image-builder/format/image_check.hpp"
#include "image-builder/io/progress.hpp"

namespace mayfly::image {

/// SHA-256 of [kHeaderBytes, fs_bytes) of the file, shorter if the file is. Throws Error naming `name`.
[[nodiscard]] Digest digest_file_system(int fd, std::uint64_t fs_bytes, const std::string& name,
                                        Progress& progress);

/// Makes an image of the file system in [0, fs_bytes) of `fd`: puts the launch defaults behind it, pads the
/// file and writes the header. Throws Error naming `name`.
void seal_image(int fd, FileSystem file_system, std::uint64_t fs_bytes, std::span<const std::byte> launch,
                const std::string& name, Progress& progress);

}  // namespace mayfly::image
