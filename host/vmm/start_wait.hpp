// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "lease/asking.hpp"
#include "vmm/outcome.hpp"
#include "vmm/run_requests.hpp"
#include "vmm/signals.hpp"

namespace mayfly::vmm {

/// Who may end a wait for what a guest needs before there is one, and who is told of it.
struct StartWait {
  Signals& signals;
  /// Null: there is no control socket.
  RunRequests* requests = nullptr;
  /// CLOCK_MONOTONIC; 0: none.
  std::uint64_t deadline_ns = 0;
  /// Is told once, in a sentence, what is waited for or taken instead.
  std::function<void(std::string_view)> say;
};

/// Thrown: such a wait was ended, and with it the run.
struct EndedWaiting {
  Outcome outcome;
};

/// Waits for `ns` at most until `fd` is readable, and says whether it is; -1: for the time alone. `what` is
/// waited for, such as "pages". Throws EndedWaiting when a signal, a request or the deadline ends the wait.
[[nodiscard]] bool wait_for(const StartWait& wait, int fd, std::uint64_t ns, std::string_view what);

/// For a server's answer, as long as it takes; `wait.say` is told after a second. `wait` outlives it.
[[nodiscard]] lease::Wait wait_for_answer(const StartWait& wait, std::string what);

}  // namespace mayfly::vmm
