// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace mayfly::init {

/// Blocks SIGCHLD and gives a descriptor (close-on-exec, non-blocking) that is readable while an ended child
/// waits to be noticed; -1 with errno on error. A descriptor, not a handler: it takes its turn beside busy
/// streams.
[[nodiscard]] int watch_children() noexcept;

/// Empties the descriptor: it is readable again when the next child ends.
void acknowledge_children(int watch) noexcept;

}  // namespace mayfly::init
