// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "memory/lendable.hpp"

namespace mayfly::cli {

/// Throws Error: what was typed, and what is wrong with it.
[[noreturn]] void refuse_memory(std::string_view text, std::string_view why);

/// A number from `least` to `most`, the value of `key` in `text`. Throws Error.
[[nodiscard]] std::uint32_t check_number(std::string_view text, std::string_view key, std::string_view value,
                                         std::uint64_t least, std::uint64_t most);

/// Memory of the size that `value` says, as a guest may have it. Throws Error that names `text`, of which it
/// is a part.
[[nodiscard]] MemoryKind check_memory_kind(std::string_view text, std::string_view value);

/// Takes pages=2m|1g|thp|4k and node=N; false for another key. Throws Error that names `text`.
[[nodiscard]] bool set_memory_kind(MemoryKind& kind, std::string_view text, std::string_view key,
                                   std::string_view value);

/// Throws Error that names `text` unless the memory is a whole number of its pages.
void require_whole_pages(const MemoryKind& kind, std::string_view text);

}  // namespace mayfly::cli
