// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "image-builder/io/contents.hpp"
#include "image-builder/io/progress.hpp"
#include "image-builder/tree/tree.hpp"

namespace mayfly::image::ext4 {

/// Writes `tree` as an ext4 into the empty file `fd`, bytes [1024, result), and returns its size, a multiple
/// of 4096. Made for a read-only mount: no journal, no spare room to speak of. Needs no rights. The same tree
/// and contents give the same bytes. `name` is the file's, for messages. Throws InputError when the input
/// changes meanwhile or does not fit into an ext4, Error when the file cannot be written.
std::uint64_t write_ext4(const Tree& tree, const Contents& contents, int fd, const std::string& name,
                         Progress& progress);

}  // namespace mayfly::image::ext4
