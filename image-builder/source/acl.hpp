// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include <archive_entry.h>

#include "image-builder/tree/tree.hpp"

namespace mayfly::image {

/// Adds the POSIX ACLs of an archive member to `attributes` as the xattrs that Linux keeps them in, and sets
/// the group permissions to the mask, as stat(2) shows them. Throws InputError for an entry that names a user
/// or group without its number.
void add_acls(archive_entry* entry, std::string_view path, Attributes& attributes);

}  // namespace mayfly::image
