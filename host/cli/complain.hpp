// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <string_view>

namespace mayfly::cli {

/// Says on stderr what is wrong while a command goes on.
inline void complain(std::string_view sentence) {
  static_cast<void>(
      std::fprintf(stderr, "mayfly: %.*s\n", static_cast<int>(sentence.size()), sentence.data()));
}

}  // namespace mayfly::cli
