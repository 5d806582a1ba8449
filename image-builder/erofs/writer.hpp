// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "image-builder/io/contents.hpp"
#include "image-builder/io/progress.hpp"
#include "image-builder/tree/tree.hpp"

namespace mayfly::image::erofs {

/// Writes `tree` as an uncompressed EROFS into the empty file `fd`, bytes [1024, result), and returns its
/// size, a multiple of 4096. The same tree and contents give the same bytes. `name` is the file's, for
/// messages. Throws InputError when the input changes meanwhile or is too large, Error when the file cannot
/// be written.
std::uint64_t write_erofs(const Tree& tree, const Contents& contents, int fd, const std::string& name,
                          Progress& progress);

}  // namespace mayfly::image::erofs
