// SPDX-License-Identifier: Apache-2.0
#include "cli/refuse.hpp"

#include <string>
#include <utility>

#include "base/error.hpp"

namespace mayfly::cli {

void refuse(std::string_view option, std::string_view given, std::string_view why) {
  std::string sentence(option);
  sentence += " '";
  sentence += given;
  sentence += "': ";
  sentence += why;
  throw Error(std::move(sentence));
}

}  // namespace mayfly::cli
