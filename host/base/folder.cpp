// SPDX-License-Identifier: Apache-2.0
#include "base/folder.hpp"

#include <algorithm>
#include <memory>
#include <string_view>

#include <dirent.h>

namespace mayfly {

std::optional<std::vector<std::string>> read_folder(const std::string& path, std::size_t names_max) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), ::closedir);
  if (folder == nullptr) {
    return std::nullopt;
  }
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(folder.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != ".." && names.size() < names_max) {
      names.emplace_back(name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace mayfly
