// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace mayfly::sandbox {

/// What becomes of a system call that no filter allows.
enum class Mode : std::uint8_t {
  kOff,  ///< There is no sandbox at all.
  kLog,  ///< The kernel writes it down (audit, or the kernel log) and carries it out. All else as with kOn.
  kOn,   ///< The process is killed by SIGSYS.
};

/// Sanitizers make system calls of their own: whatever the mode, there is no sandbox then.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
inline constexpr bool kSanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace mayfly::sandbox
