// SPDX-License-Identifier: Apache-2.0
// Any bytes as a configuration file of `mayfly run`: options, or one error.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "cli/config_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mayfly::cli;
  const std::array<const char*, 1> all{"--help"};  // has it know all of its options
  Parser parser(all, "mayfly run", "", "", "");
  std::string image;
  std::vector<std::string> environment;
  std::vector<std::string> networks;
  std::vector<std::string> command;
  bool dedicated = false;
  parser.text("--image", image, "FILE", "");
  parser.texts("--env", environment, "NAME=VALUE", "");
  parser.texts("--net", networks, "tap=NAME", "");
  parser.flag("--dedicated", dedicated, "");
  try {
    // Safe: bytes as characters.
    apply_config(parser, std::string_view(reinterpret_cast<const char*>(data), size), "FILE", command);
  } catch (const mayfly::Error&) {
    return 0;
  }
  for (const std::vector<std::string>& texts : {environment, networks, command, {image}}) {
    for (const std::string& text : texts) {
      MAYFLY_ASSERT(text.size() <= size && text.find('\0') == std::string::npos);
    }
  }
  return 0;
}
