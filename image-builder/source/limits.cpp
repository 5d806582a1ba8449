// SPDX-License-Identifier: Apache-2.0
#include "image-builder/source/limits.hpp"

#include <algorithm>

#include "image-builder/tree/path.hpp"

namespace mayfly::image {
namespace {

[[noreturn]] void refuse(std::string_view path, std::string_view why) {
  throw InputError("input member " + in_quotes(path) + " " + std::string(why));
}

}  // namespace

std::uint32_t checked_id(std::int64_t id, std::string_view path) {
  if (id < 0 || id >= 0xFFFFFFFF) {
    refuse(path, "has a user or group number that Linux does not know");
  }
  return static_cast<std::uint32_t>(id);
}

std::uint64_t checked_size(std::int64_t size, std::string_view path) {
  if (size < 0 || static_cast<std::uint64_t>(size) > kFileBytesMax) {
    refuse(path, "is larger than the 16 TiB that an image can hold");
  }
  return static_cast<std::uint64_t>(size);
}

Special checked_device(Special device, std::string_view path) {
  if (device.major > kMajorMax || device.minor > kMinorMax) {
    refuse(path, "has a device number that Linux does not know");
  }
  return device;
}

std::string checked_target(std::string_view target, std::string_view path) {
  if (target.empty() || target.size() > kPathBytesMax) {
    refuse(path, "is a symbolic link whose target is empty or longer than 4095 bytes");
  }
  return std::string(target);
}

void finish_xattrs(std::vector<Xattr>& xattrs, std::string_view path) {
  std::sort(xattrs.begin(), xattrs.end(), [](const Xattr& a, const Xattr& b) { return a.name < b.name; });
  // libarchive's own tar writes each attribute in two dialects, and its reader gives both.
  xattrs.erase(std::unique(xattrs.begin(), xattrs.end()), xattrs.end());
  std::size_t total = 0;
  for (std::size_t i = 0; i < xattrs.size(); ++i) {
    const Xattr& xattr = xattrs[i];
    if (i > 0 && xattr.name == xattrs[i - 1].name) {
      refuse(path, "has the extended attribute " + in_quotes(xattr.name) + " twice, with different values");
    }
    if (xattr.name.size() > kNameBytesMax || xattr.value.size() > kXattrValueBytesMax) {
      refuse(path, "has the extended attribute " + in_quotes(xattr.name) + ", which is too long");
    }
    total += xattr.name.size() + xattr.value.size() + 8;
  }
  if (total > kXattrsBytesMax) {
    refuse(path, "has more than 200 KiB of extended attributes");
  }
}

}  // namespace mayfly::image
