// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <climits>
#include <cstddef>
#include <string_view>

namespace mayfly::init {

/// A path with its terminator.
using PathBuffer = std::array<char, PATH_MAX>;

/// Finds the program that `command` names, as execvp() does: in the directories of `search_path` unless it
/// has a slash. An empty directory means the working directory.
///
/// Fills `program` and gives 0, or an errno: ENOENT when there is none, EACCES when there is one that the
/// caller may not execute (a directory counts as such), ENAMETOOLONG. Looks with the rights of the effective
/// user.
[[nodiscard]] int find_program(std::string_view command, std::string_view search_path,
                               PathBuffer& program) noexcept;

}  // namespace mayfly::init
