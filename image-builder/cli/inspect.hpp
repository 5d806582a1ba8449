// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "image-builder/build/image_file.hpp"

namespace mayfly::image {

/// What `mayfly-image inspect` prints for people, lines ended.
[[nodiscard]] std::string describe_image(const ImageFile& image);
/// The same as one JSON object; bytes that are not UTF-8 are replaced by U+FFFD.
[[nodiscard]] std::string describe_image_json(const ImageFile& image);

}  // namespace mayfly::image
