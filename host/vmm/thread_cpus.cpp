// SPDX-License-Identifier: Apache-2.0
#include "vmm/thread_cpus.hpp"

#include <array>
#include <atomic>
#include <string>

#include <sched.h>
#include <unistd.h>

#include "base/error.hpp"

namespace mayfly::vmm {
namespace {

constexpr std::uint32_t kWordBits = 64;
/// As many CPUs as Linux can have on x86, which is more than a cpu_set_t holds.
using Mask = std::array<std::uint64_t, 8192 / kWordBits>;

/// No thread need be moved before one was pinned, and in most runs none is: a boot has no time for it.
std::atomic<bool> any_pinned{false};

// Safe: cpu_set_t is an array of words, of which calls touch as many bytes as they are told.
cpu_set_t* as_set(Mask& mask) noexcept { return reinterpret_cast<cpu_set_t*>(mask.data()); }

}  // namespace

void pin_thread(pthread_t thread, std::span<const std::uint32_t> cpus) {
  any_pinned = true;
  Mask mask{};
  for (const std::uint32_t cpu : cpus) {
    mask.at(cpu / kWordBits) |= std::uint64_t{1} << cpu % kWordBits;
  }
  if (const int error = ::pthread_setaffinity_np(thread, sizeof(mask), as_set(mask)); error != 0) {
    throw Error(error, "cannot run a vCPU on CPU " + std::to_string(cpus.front()) +
                           (cpus.size() > 1 ? " or another of its node" : "") +
                           " (mayfly must be in the cpuset that has it)");
  }
}

void follow_main_thread(pthread_t thread) noexcept {
  if (!any_pinned) {
    return;
  }
  Mask mask{};
  // The main thread's number is the process's.
  if (::sched_getaffinity(::getpid(), sizeof(mask), as_set(mask)) == 0) {
    static_cast<void>(::pthread_setaffinity_np(thread, sizeof(mask), as_set(mask)));
  }
}

}  // namespace mayfly::vmm
