// SPDX-License-Identifier: Apache-2.0
#include "vmm/thread_priority.hpp"

#include <thread>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace mayfly::vmm {
namespace {

int nice_of(pid_t thread) { return ::getpriority(PRIO_PROCESS, static_cast<id_t>(thread)); }
int own_nice() { return nice_of(0); }

bool may_go_first() {
  bool may = false;
  std::thread([&may] { may = ::setpriority(PRIO_PROCESS, 0, -20) == 0; }).join();
  return may;
}

TEST(ThreadPriority, OneThreadGoesFirstAsLongAsItIsWanted) {
  if (!may_go_first()) {
    GTEST_SKIP() << "the host lets nobody go first (RLIMIT_NICE, CAP_SYS_NICE)";
  }
  const int ordinary = own_nice();
  std::thread([ordinary] {
    {
      const GoFirst first;
      EXPECT_EQ(own_nice(), -20);
      EXPECT_EQ(nice_of(::getpid()), ordinary) << "the main thread, too";
    }
    EXPECT_EQ(own_nice(), ordinary);
  }).join();
}

TEST(ThreadPriority, StaysAsItIsWhereTheHostRefuses) {
  std::thread([] {
    // By the kernel's own call, so that this thread alone has given its privileges up.
    constexpr uid_t kNobody = 65534;
    if (::geteuid() == 0) {
      ASSERT_EQ(::syscall(SYS_setresuid, kNobody, kNobody, kNobody), 0);
    }
    const int ordinary = own_nice();
    if (::setpriority(PRIO_PROCESS, 0, ordinary - 1) == 0) {
      GTEST_SKIP() << "the host lets everybody go first (RLIMIT_NICE)";
    }
    {
      const GoFirst first;
      EXPECT_EQ(own_nice(), ordinary);
    }
    EXPECT_EQ(own_nice(), ordinary);
  }).join();
}

}  // namespace
}  // namespace mayfly::vmm
