// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "image-builder/io/contents.hpp"
#include "image-builder/tree/tree.hpp"

namespace mayfly::image {

/// Reads all names and attributes below the directory `path` into `tree`; file contents are read from there
/// later. Never follows a symbolic link below it. Throws InputError naming what cannot be read.
void read_directory(const std::string& path, Contents& contents, Tree& tree);

}  // namespace mayfly::image
