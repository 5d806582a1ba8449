// SPDX-License-Identifier: Apache-2.0
#include "cli/workload_options.hpp"

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

void check_environment(const std::vector<std::string>& environment) {
  for (const std::string& variable : environment) {
    const std::size_t equals = variable.find('=');
    if (equals == 0 || equals == std::string::npos) {
      refuse("--env", variable, "write NAME=VALUE");
    }
  }
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
