// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <pthread.h>

namespace mayfly::vmm {

/// Moves a thread to one CPU of the host, where it stays. Throws Error when the host does not allow it.
void pin_thread(pthread_t thread, std::uint32_t cpu);

/// Lets a thread run wherever the main thread may: who started it may be a vCPU that has a CPU to itself,
/// which a thread inherits. By its starter, so that it need not get that CPU first. Nothing to do, and
/// nothing done, where no thread was pinned.
void follow_main_thread(pthread_t thread) noexcept;

}  // namespace mayfly::vmm
