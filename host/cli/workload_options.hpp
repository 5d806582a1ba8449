// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mayfly::cli {

// What `run` and `exec` say of a command in the guest. Each throws Error that names the option, what was
// given and what is allowed.

/// Nanoseconds; 0 when nothing was given.
[[nodiscard]] std::uint64_t check_timeout(const std::string& text);
/// Each as NAME=VALUE; the value of one that is a NAME alone is taken from this process's environment.
[[nodiscard]] std::vector<std::string> check_environment(std::vector<std::string> environment);
/// Absolute; absent when nothing was given.
[[nodiscard]] std::optional<std::string> check_workdir(std::string text);
/// Absent when nothing was given.
[[nodiscard]] std::optional<std::string> check_user(std::string text);

}  // namespace mayfly::cli
