// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <string_view>

#include "base/error.hpp"

namespace mayfly::cli {

/// What a command has to say, on stdout, now. Throws Error when it does not get there.
inline void print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    fail_errno("cannot write to stdout");
  }
}

}  // namespace mayfly::cli
