// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace mayfly::vfio {

/// How much memory this process may pin for devices (RLIMIT_MEMLOCK), in bytes; nothing when there is no
/// limit or it is free of it (CAP_IPC_LOCK).
[[nodiscard]] std::optional<std::uint64_t> memlock_limit() noexcept;

/// Throws Error, naming the value that is needed, when `bytes` of guest memory are more than `limit`. Within
/// a container the host may still refuse later.
void require_memlock(std::uint64_t bytes, std::optional<std::uint64_t> limit);

/// The mend for a guest of `bytes`, as the end of a sentence.
[[nodiscard]] std::string memlock_advice(std::uint64_t bytes);

}  // namespace mayfly::vfio
