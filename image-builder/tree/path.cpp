// SPDX-License-Identifier: Apache-2.0
#include "image-builder/tree/path.hpp"

#include <array>
#include <cstdio>

namespace mayfly::image {
namespace {

constexpr std::size_t kQuotedBytesMax = 512;

void check_component(std::string_view component, std::string_view path) {
  if (component == "..") {
    throw InputError("input member " + in_quotes(path) + " escapes the root by \"..\"");
  }
  if (component.size() > kNameBytesMax) {
    throw InputError("input member " + in_quotes(path) + " has a name longer than 255 bytes");
  }
}

}  // namespace

std::vector<std::string_view> split_path(std::string_view path) {
  if (path.starts_with('/')) {
    throw InputError("input member " + in_quotes(path) +
                     " has an absolute path; make the archive with relative names (tar -C DIR -c .)");
  }
  if (path.size() > kPathBytesMax) {
    throw InputError("input member " + in_quotes(path) + " has a path longer than 4095 bytes");
  }
  if (path.find('\0') != std::string_view::npos) {
    throw InputError("input member " + in_quotes(path) + " has a NUL byte in its path");
  }
  std::vector<std::string_view> components;
  for (std::string_view rest = path; !rest.empty();) {
    const std::size_t slash = rest.find('/');
    const std::string_view component = rest.substr(0, slash);
    check_component(component, path);
    if (!component.empty() && component != ".") {
      components.push_back(component);
    }
    rest = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
  }
  return components;
}

std::string in_quotes(std::string_view bytes) {
  std::string text = "\"";
  for (const char byte : bytes.substr(0, kQuotedBytesMax)) {
    if (byte == '"' || byte == '\\') {
      text += '\\';
      text += byte;
    } else if (static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f) {
      std::array<char, 5> escape{};
      static_cast<void>(
          std::snprintf(escape.data(), escape.size(), "\\x%02x", static_cast<unsigned char>(byte)));
      text += escape.data();
    } else {
      text += byte;
    }
  }
  return text + (bytes.size() > kQuotedBytesMax ? "…\"" : "\"");
}

}  // namespace mayfly::image
