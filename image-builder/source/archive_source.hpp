// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "image-builder/io/contents.hpp"
#include "image-builder/io/progress.hpp"
#include "image-builder/tree/tree.hpp"

namespace mayfly::image {

/// Reads a tar archive (plain, gzip, bzip2, xz or zstd) in one pass: names into `tree`, contents into the
/// spool. Nothing is unpacked and no right is needed, device nodes included. LC_CTYPE must be a UTF-8 one.
/// Throws InputError for what is no such archive, damaged, truncated or hostile; Error when the spool fails.
void read_archive(const std::string& path, Contents& contents, Tree& tree, Progress& progress);

}  // namespace mayfly::image
