// SPDX-License-Identifier: Apache-2.0
#include "image-builder/source/acl.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include <archive.h>

#include "image-builder/tree/path.hpp"

namespace mayfly::image {
namespace {

// include/uapi/linux/posix_acl_xattr.h: u32 version, then entries of u16 tag, u16 permissions, u32 id.
constexpr std::uint32_t kAclVersion = 2;
constexpr std::uint32_t kNoId = 0xFFFFFFFF;
enum class Tag : std::uint16_t {
  kUserObj = 1,
  kUser = 2,
  kGroupObj = 4,
  kGroup = 8,
  kMask = 16,
  kOther = 32
};

struct AclEntry {
  Tag tag;
  std::uint16_t permissions;
  std::uint32_t id;
  friend bool operator<(const AclEntry& a, const AclEntry& b) {
    return std::tie(a.tag, a.id) < std::tie(b.tag, b.id);
  }
};

template <typename T>
void put(std::string& out, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    out += static_cast<char>(static_cast<std::uint32_t>(value) >> (8 * i) & 0xFFU);
  }
}

std::optional<Tag> tag_of(int tag) {
  switch (tag) {
    case ARCHIVE_ENTRY_ACL_USER_OBJ:
      return Tag::kUserObj;
    case ARCHIVE_ENTRY_ACL_USER:
      return Tag::kUser;
    case ARCHIVE_ENTRY_ACL_GROUP_OBJ:
      return Tag::kGroupObj;
    case ARCHIVE_ENTRY_ACL_GROUP:
      return Tag::kGroup;
    case ARCHIVE_ENTRY_ACL_MASK:
      return Tag::kMask;
    case ARCHIVE_ENTRY_ACL_OTHER:
      return Tag::kOther;
    default:
      return std::nullopt;
  }
}

// The number of a named user or group: libarchive's own, or a name that is a number.
std::uint32_t id_of(int qualifier, const char* name, std::string_view path) {
  if (qualifier >= 0) {
    return static_cast<std::uint32_t>(qualifier);
  }
  const std::string_view text = name == nullptr ? "" : name;
  std::uint32_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw InputError("input member " + in_quotes(path) + " has an ACL for " + in_quotes(text) +
                     " without a number; make the archive with --numeric-owner");
  }
  return id;
}

std::vector<AclEntry> read_entries(archive_entry* entry, int kind, std::string_view path) {
  std::vector<AclEntry> entries;
  if (archive_entry_acl_reset(entry, kind) == 0) {
    return entries;
  }
  int type = 0;
  int permissions = 0;
  int tag = 0;
  int qualifier = 0;
  const char* name = nullptr;
  while (archive_entry_acl_next(entry, kind, &type, &permissions, &tag, &qualifier, &name) == ARCHIVE_OK) {
    const std::optional<Tag> known = tag_of(tag);
    if (!known.has_value()) {
      throw InputError("input member " + in_quotes(path) + " has an ACL entry of unknown kind");
    }
    const bool named = *known == Tag::kUser || *known == Tag::kGroup;
    entries.push_back(
        {*known, static_cast<std::uint16_t>(permissions & 7), named ? id_of(qualifier, name, path) : kNoId});
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

Xattr encode(std::string_view name, const std::vector<AclEntry>& entries) {
  Xattr xattr{std::string(name), {}};
  put(xattr.value, kAclVersion);
  for (const AclEntry& entry : entries) {
    put(xattr.value, static_cast<std::uint16_t>(entry.tag));
    put(xattr.value, entry.permissions);
    put(xattr.value, entry.id);
  }
  return xattr;
}

}  // namespace

void add_acls(archive_entry* entry, std::string_view path, Attributes& attributes) {
  const auto access = read_entries(entry, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, path);
  if (!access.empty()) {
    attributes.xattrs.push_back(encode("system.posix_acl_access", access));
    const auto mask =
        std::find_if(access.begin(), access.end(), [](const AclEntry& a) { return a.tag == Tag::kMask; });
    if (mask != access.end()) {
      attributes.permissions = static_cast<std::uint16_t>((attributes.permissions & ~070U) |
                                                          static_cast<unsigned>(mask->permissions) << 3U);
    }
  }
  const auto inherited = read_entries(entry, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, path);
  if (!inherited.empty()) {
    attributes.xattrs.push_back(encode("system.posix_acl_default", inherited));
  }
}

}  // namespace mayfly::image
