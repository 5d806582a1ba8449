// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "image-builder/io/contents.hpp"
#include "image-builder/tree/tree.hpp"

namespace mayfly::image {

/// Adds what the guest needs to start: /.mayfly/init, read from `init_path`, and the mount points
/// /.mayfly/lower,
/// /.mayfly/rw, /dev, /proc, /sys, /tmp and /run where they are not there. All get the newest mtime of the
/// input, so that they do not depend on when they were made. Throws InputError when the input has /.mayfly
/// itself or a mount point is a file, Error when the init cannot be read or is not a static x86-64 ELF
/// program.
void add_guest_files(Tree& tree, Contents& contents, const std::string& init_path);

}  // namespace mayfly::image
