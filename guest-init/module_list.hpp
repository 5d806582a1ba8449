// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

/// The list of a kernel's modules, modules.dep as depmod(8) writes it: a line for each module,
/// `FILE: NEEDED...`, with files below the list's folder or of absolute paths.
namespace mayfly::init {

/// A module's line; borrows from the list.
struct ListedModule {
  std::string_view file;
  /// Files of the modules that it needs, with blanks between. Each stands before those that it needs itself.
  std::string_view needs;
};

/// The first module of that name; `-` and `_` are the same in it. None: the list has no such module.
[[nodiscard]] std::optional<ListedModule> find_module(std::string_view list, std::string_view name) noexcept;

/// Takes the last word off, which is then empty when there was none: of what a module needs, what is to be
/// loaded next.
[[nodiscard]] std::string_view take_last_word(std::string_view& words) noexcept;

}  // namespace mayfly::init
