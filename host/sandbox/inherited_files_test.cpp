// SPDX-License-Identifier: Apache-2.0
#include "sandbox/inherited_files.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace mayfly::sandbox {
namespace {

TEST(InheritedFiles, PathsOfDescriptorsAreKnown) {
  EXPECT_EQ(descriptor_named_by("/dev/fd/63"), 63);
  EXPECT_EQ(descriptor_named_by("/proc/self/fd/5"), 5);
  EXPECT_EQ(descriptor_named_by("/proc/thread-self/fd/0"), 0);
  for (const char* path :
       {"", "/dev/fd/", "/dev/fd/-1", "/dev/fd/5x", "/dev/fd/99999999999", "/dev/fdx/5", "5"}) {
    EXPECT_EQ(descriptor_named_by(path), std::nullopt) << path;
  }
}

TEST(InheritedFiles, AllButTheKeptAreClosed) {
  const pid_t child = ::fork();
  if (child == 0) {
    for (const int number : {20, 21, 22, 300}) {
      ::dup2(STDIN_FILENO, number);
    }
    close_all_but({22, 20, -1, 20});
    bool right = true;
    for (const auto& [number, is_open] :
         {std::pair(0, true), {1, true}, {2, true}, {20, true}, {21, false}, {22, true}, {300, false}}) {
      right = right && (::fcntl(number, F_GETFD) >= 0) == is_open;
    }
    ::_exit(right ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace mayfly::sandbox
