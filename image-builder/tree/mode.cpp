// SPDX-License-Identifier: Apache-2.0
#include "image-builder/tree/mode.hpp"

#include <array>

#include <sys/stat.h>

namespace mayfly::image {

FileType file_type(const Node& node) {
  if (std::holds_alternative<Directory>(node.kind)) {
    return FileType::kDirectory;
  }
  if (std::holds_alternative<Regular>(node.kind)) {
    return FileType::kRegular;
  }
  if (std::holds_alternative<Symlink>(node.kind)) {
    return FileType::kSymlink;
  }
  switch (std::get<Special>(node.kind).type) {
    case SpecialType::kCharacter:
      return FileType::kCharacter;
    case SpecialType::kBlock:
      return FileType::kBlock;
    case SpecialType::kFifo:
      return FileType::kFifo;
    case SpecialType::kSocket:
      break;
  }
  return FileType::kSocket;
}

std::uint16_t file_mode(const Node& node) {
  constexpr std::array<unsigned, 8> kTypes = {0,       S_IFREG, S_IFDIR,  S_IFCHR,
                                              S_IFBLK, S_IFIFO, S_IFSOCK, S_IFLNK};
  return static_cast<std::uint16_t>(kTypes[static_cast<std::size_t>(file_type(node))] |
                                    node.attributes.permissions);
}

std::uint32_t device_number(const Special& device) {
  return (device.minor & 0xFFU) | device.major << 8U | (device.minor & ~0xFFU) << 12U;
}

}  // namespace mayfly::image
