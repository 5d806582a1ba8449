// SPDX-License-Identifier: Apache-2.0
#include "cli/workload_options.hpp"

#include <cstdlib>
#include <utility>

#include "cli/quantity.hpp"
#include "cli/refuse.hpp"

namespace mayfly::cli {

std::uint64_t check_timeout(const std::string& text) {
  if (text.empty()) {
    return 0;
  }
  const std::optional<std::uint64_t> nanoseconds = parse_duration(text);
  if (!nanoseconds.has_value() || *nanoseconds == 0) {
    refuse("--timeout", text, "not a time; write a number above 0 with ms, s, m or h, such as 10s");
  }
  return *nanoseconds;
}

std::vector<std::string> check_environment(std::vector<std::string> environment) {
  for (std::string& variable : environment) {
    const std::size_t equals = variable.find('=');
    if (equals == 0 || variable.empty()) {
      refuse("--env", variable, "write NAME=VALUE");
    }
    if (equals == std::string::npos) {
      const char* const value = std::getenv(variable.c_str());
      if (value == nullptr) {
        refuse("--env", variable, "no such variable here; set it, or write NAME=VALUE");
      }
      variable.append("=").append(value);
    }
  }
  return environment;
}

std::optional<std::string> check_workdir(std::string text) {
  if (text.empty()) {
    return std::nullopt;
  }
  if (text.front() != '/') {
    refuse("--workdir", text, "write an absolute path of the guest");
  }
  return text;
}

std::optional<std::string> check_user(std::string text) {
  return text.empty() ? std::nullopt : std::optional(std::move(text));
}

}  // namespace mayfly::cli
