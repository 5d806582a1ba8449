// SPDX-License-Identifier: Apache-2.0
#include "vmm/thread_cpus.hpp"

#include <array>
#include <atomic>
#include <thread>

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include "base/error.hpp"
#include "vmm/stdio_thread.hpp"

namespace mayfly::vmm {
namespace {

cpu_set_t cpus_of(pid_t thread) {
  cpu_set_t set{};
  EXPECT_EQ(::sched_getaffinity(thread, sizeof(set), &set), 0);
  return set;
}

// The first CPU that this process may use.
std::uint32_t some_cpu() {
  const cpu_set_t set = cpus_of(::getpid());
  std::uint32_t cpu = 0;
  while (!CPU_ISSET(cpu, &set)) {
    ++cpu;
  }
  return cpu;
}

TEST(ThreadCpus, PinnedThreadHasOneCpu) {
  std::thread([] {
    pin_thread(::pthread_self(), std::array{some_cpu()});
    const cpu_set_t set = cpus_of(0);
    EXPECT_EQ(CPU_COUNT(&set), 1);
    EXPECT_TRUE(CPU_ISSET(some_cpu(), &set));
  }).join();
}

TEST(ThreadCpus, CpuThatIsNotThereIsNamed) {
  try {
    pin_thread(::pthread_self(), std::array{8191U});
    FAIL() << "pinned";
  } catch (const Error& error) {
    EXPECT_STREQ(
        error.what(),
        "cannot run a vCPU on CPU 8191 (mayfly must be in the cpuset that has it): Invalid argument");
  }
}

TEST(ThreadCpus, StdioDoesNotStayOnThePinnedCpuThatStartedIt) {
  const cpu_set_t all = cpus_of(::getpid());
  if (CPU_COUNT(&all) < 2) {
    GTEST_SKIP() << "one CPU only";
  }
  struct Seen {
    std::atomic<bool> started = false;
    cpu_set_t cpus{};
  };
  Seen seen;
  std::thread([&seen] {
    pin_thread(::pthread_self(), std::array{some_cpu()});
    StdioThread stdio;
    const auto look = [](void* argument) noexcept {
      auto& mine = *static_cast<Seen*>(argument);
      mine.started.wait(false);
      mine.cpus = cpus_of(0);
    };
    ASSERT_TRUE(stdio.start(look, &seen));
    seen.started = true;
    seen.started.notify_all();
    stdio.end();
  }).join();
  EXPECT_TRUE(CPU_EQUAL(&seen.cpus, &all));
}

}  // namespace
}  // namespace mayfly::vmm
