// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include <pthread.h>

namespace mayfly::vmm {

/// Moves a thread to `cpus` of the host, one at least, where it stays. Throws Error when the host allows none
/// of them.
void pin_thread(pthread_t thread, std::span<const std::uint32_t> cpus);

/// Lets a thread run wherever the main thread may: who started it may be a vCPU that has a CPU to itself,
/// which a thread inherits. By its starter, so that it need not get that CPU first. Nothing to do, and
/// nothing done, where no thread was pinned.
void follow_main_thread(pthread_t thread) noexcept;

}  // namespace mayfly::vmm
