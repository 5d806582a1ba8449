// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <pthread.h>

namespace mayfly::vmm {

/// Moves a thread to one CPU of the host, where it stays. Throws Error when the host does not allow it.
void pin_thread(pthread_t thread, std::uint32_t cpu);

/// Lets the calling thread run wherever the main thread may: who started it may be a vCPU that has a CPU to
/// itself, which a thread inherits.
void follow_main_thread() noexcept;

}  // namespace mayfly::vmm
