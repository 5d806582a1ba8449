// SPDX-License-Identifier: Apache-2.0
// Any bytes as a configuration file of `mayfly run`: options, or one error.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "cli/config_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mayfly::cli;
  Parser parser("mayfly run", "", "", "");
  std::string image;
  std::vector<std::string> environment;
  std::vector<std::string> networks;
  std::vector<std::string> command;
  bool dedicated = false;
  add_string(parser.app, "--image", image, "FILE", "");
  set_type(*parser.app.add_option("--env", environment, ""), "NAME=VALUE");
  set_type(*parser.app.add_option("--net", networks, ""), "tap=NAME");
  parser.app.add_flag("--dedicated", dedicated, "");
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
