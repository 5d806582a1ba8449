// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdio>
#include <string>

#include <sys/wait.h>

namespace mayfly::image::testing {

/// How a shell command ended, and what it printed on stdout and stderr together.
struct Outcome {
  int status = -1;  ///< Exit status, 128 + N for signal N.
  std::string output;
};

inline Outcome run_shell(const std::string& command) {
  Outcome outcome;
  std::FILE* const pipe =
      ::popen(("{ " + command + "; } 2>&1").c_str(), "r");  // NOLINT(cert-env33-c): own words
  if (pipe == nullptr) {
    return outcome;
  }
  std::array<char, 4096> buffer{};
  for (std::size_t got = 0; (got = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    outcome.output.append(buffer.data(), got);
  }
  const int status = ::pclose(pipe);
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return outcome;
}

/// True when the shell finds the program, for tests against tools that may be missing.
inline bool has_program(const std::string& name) {
  return run_shell("PATH=$PATH:/usr/sbin:/sbin command -v " + name).status == 0;
}

}  // namespace mayfly::image::testing
