// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mayfly::gate {

/// One program to run, its stdin empty.
struct Launch {
  std::vector<std::string> words;  ///< the program, by path, and its arguments
  std::string output{};            ///< file for stdout and stderr; empty: those of this process
  std::uint64_t timeout_ns = 0;    ///< 0: none
};

enum class EndedBy { kItself, kTimeLimit, kInterrupt };

/// From now on SIGINT, SIGTERM and SIGHUP end what launch() waits for, and launch() with an Error, so that
/// all is cleaned up.
void catch_interrupts();

struct LaunchEnd {
  EndedBy by = EndedBy::kItself;
  int status = 0;                    ///< exit status, or 128 + signal
  std::uint64_t resident_bytes = 0;  ///< the most that was resident at once
};

/// Runs the program and waits for it, with MAYFLY_EXEC_NS in its environment as host/boot/TIMELINE.md asks:
/// the clock is read in the child, with nothing but execve after it. What is still alive after the time
/// limit, or of its process group after its end, is killed; and it dies with this process. Throws Error when
/// it cannot be started. One thread at a time.
[[nodiscard]] LaunchEnd launch(const Launch& launch);

}  // namespace mayfly::gate
