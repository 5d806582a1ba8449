// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/option_parser.hpp"

namespace mayfly::cli {

/// The most that a configuration file may hold, bytes.
inline constexpr std::size_t kConfigBytesMax = std::size_t{1} << 20U;

/// Gives `parser`'s options what `text` says: a JSON object with a member for each, named as the option is
/// without its dashes. Text or a number for an option with a value, an array for one that may be repeated,
/// true or false for one without a value, for `env` an object too; `command` is the command with its
/// arguments, into `command`. What was parsed before, from a command line, stays: it goes over the file.
/// `path` is what errors call the text. Throws Error that names the member.
void apply_config(Parser& parser, std::string_view text, const std::string& path,
                  std::vector<std::string>& command);

/// The same of a file. Throws Error.
void apply_config_file(Parser& parser, const std::string& path, std::vector<std::string>& command);

}  // namespace mayfly::cli
