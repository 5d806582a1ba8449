// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "image-builder/erofs/disk_format.hpp"
#include "image-builder/tree/mode.hpp"
#include "image-builder/tree/tree.hpp"

/// Pieces of an EROFS image as bytes.
namespace mayfly::image::erofs {

using Bytes = std::vector<std::byte>;

/// CRC-32C (Castagnoli, reflected 0x82F63B78) as the kernel's crc32c(): no inversion before or after.
[[nodiscard]] std::uint32_t crc32c(std::uint32_t seed, std::span<const std::byte> bytes) noexcept;

/// The xattrs as they lie behind an inode, header included; empty for none.
[[nodiscard]] Bytes encode_xattrs(const std::vector<Xattr>& xattrs);
/// Size of what encode_xattrs() gives.
[[nodiscard]] std::uint64_t xattr_bytes(const std::vector<Xattr>& xattrs);

/// One name in a directory.
struct Name {
  std::string_view name;
  std::uint64_t nid;
  FileType type;
};

/// The names of a directory, "." and ".." among them, sorted bytewise; `nids` is indexed by NodeId.
[[nodiscard]] std::vector<Name> directory_names(const Tree& tree, NodeId id,
                                                std::span<const std::uint64_t> nids);

/// A directory's contents: full blocks, and a last one cut behind its last name.
[[nodiscard]] Bytes encode_directory(const std::vector<Name>& names);
/// Size of what encode_directory() gives.
[[nodiscard]] std::uint64_t directory_bytes(const std::vector<Name>& names);

/// Appends the object representation of a disk structure.
template <typename T>
void append(Bytes& out, const T& value) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace mayfly::image::erofs
