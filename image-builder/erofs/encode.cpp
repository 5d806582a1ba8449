// SPDX-License-Identifier: Apache-2.0
#include "image-builder/erofs/encode.hpp"

#include <algorithm>
#include <array>

#include "host/base/checked.hpp"
#include "host/base/error.hpp"

namespace mayfly::image::erofs {
namespace {

struct XattrPrefix {
  std::string_view prefix;
  XattrIndex index;
};
// The names is_kept_xattr() lets in.
constexpr std::array<XattrPrefix, 4> kXattrPrefixes = {{
    {"user.", XattrIndex::kUser},
    {"system.posix_acl_access", XattrIndex::kAclAccess},
    {"system.posix_acl_default", XattrIndex::kAclDefault},
    {"security.", XattrIndex::kSecurity},
}};

const XattrPrefix& prefix_of(std::string_view name) {
  const auto* const found =
      std::find_if(kXattrPrefixes.begin(), kXattrPrefixes.end(),
                   [&](const XattrPrefix& prefix) { return name.starts_with(prefix.prefix); });
  MAYFLY_ASSERT(found != kXattrPrefixes.end());
  return *found;
}

std::uint64_t xattr_entry_bytes(const Xattr& xattr) {
  const std::size_t name = xattr.name.size() - prefix_of(xattr.name).prefix.size();
  return align_up(sizeof(XattrEntry) + name + xattr.value.size(), alignof(std::uint32_t));
}

void append_text(Bytes& out, std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

// How many of `names` fit into one block.
std::size_t names_in_block(std::span<const Name> names, std::uint64_t& bytes) {
  bytes = 0;
  std::size_t count = 0;
  while (count < names.size()) {
    const std::uint64_t more = sizeof(DirectoryEntry) + names[count].name.size();
    if (bytes + more > kBlockBytes) {
      break;
    }
    bytes += more;
    ++count;
  }
  return count;
}

void append_directory_block(Bytes& out, std::span<const Name> names) {
  std::size_t offset = names.size() * sizeof(DirectoryEntry);
  for (const Name& name : names) {
    append(out, DirectoryEntry{name.nid, static_cast<std::uint16_t>(offset), name.type, 0});
    offset += name.name.size();
  }
  for (const Name& name : names) {
    append_text(out, name.name);
  }
}

}  // namespace

std::uint32_t crc32c(std::uint32_t seed, std::span<const std::byte> bytes) noexcept {
  std::uint32_t crc = seed;
  for (const std::byte byte : bytes) {
    crc ^= std::to_integer<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) {
      crc = crc >> 1U ^ ((crc & 1U) != 0 ? 0x82F63B78U : 0U);
    }
  }
  return crc;
}

std::uint64_t xattr_bytes(const std::vector<Xattr>& xattrs) {
  std::uint64_t bytes = xattrs.empty() ? 0 : sizeof(XattrHeader);
  for (const Xattr& xattr : xattrs) {
    bytes += xattr_entry_bytes(xattr);
  }
  return bytes;
}

Bytes encode_xattrs(const std::vector<Xattr>& xattrs) {
  Bytes out;
  if (xattrs.empty()) {
    return out;
  }
  append(out, XattrHeader{});
  for (const Xattr& xattr : xattrs) {
    const XattrPrefix& prefix = prefix_of(xattr.name);
    const std::string_view name = std::string_view(xattr.name).substr(prefix.prefix.size());
    append(out, XattrEntry{static_cast<std::uint8_t>(name.size()), prefix.index,
                           static_cast<std::uint16_t>(xattr.value.size())});
    append_text(out, name);
    append_text(out, xattr.value);
    out.resize(align_up(out.size(), alignof(std::uint32_t)));
  }
  return out;
}

std::vector<Name> directory_names(const Tree& tree, NodeId id, std::span<const std::uint64_t> nids) {
  const auto& directory = std::get<Directory>(tree.node(id).kind);
  std::vector<Name> names;
  names.reserve(directory.entries.size() + 2);
  names.push_back({".", nids[id], FileType::kDirectory});
  names.push_back({"..", nids[directory.parent], FileType::kDirectory});
  for (const auto& [name, child] : directory.entries) {
    names.push_back({name, nids[child], file_type(tree.node(child))});
  }
  std::sort(names.begin(), names.end(), [](const Name& a, const Name& b) { return a.name < b.name; });
  return names;
}

std::uint64_t directory_bytes(const std::vector<Name>& names) {
  std::uint64_t blocks = 0;
  std::uint64_t last = 0;
  for (std::span<const Name> rest = names; !rest.empty(); ++blocks) {
    rest = rest.subspan(names_in_block(rest, last));
  }
  return (blocks - 1) * kBlockBytes + last;
}

Bytes encode_directory(const std::vector<Name>& names) {
  Bytes out;
  for (std::span<const Name> rest = names; !rest.empty();) {
    out.resize(align_up(out.size(), kBlockBytes));
    std::uint64_t bytes = 0;
    const std::size_t count = names_in_block(rest, bytes);
    append_directory_block(out, rest.first(count));
    rest = rest.subspan(count);
  }
  return out;
}

}  // namespace mayfly::image::erofs
