// SPDX-License-Identifier: Apache-2.0
#include "sandbox/namespaces.hpp"

#include <functional>
#include <net/if.h>

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/temporary_folder.hpp"

namespace mayfly::sandbox {
namespace {

// Each in a child with mounts of its own, so that what it keeps goes with it.
class EmptyNetwork : public ::testing::Test {
 protected:
  void SetUp() override {
    if (status_after([] { return 0; }) != 0) {
      GTEST_SKIP() << "this host lets nobody have namespaces";
    }
  }

  // Of a child that does `act`; what that gives is its exit status.
  static int status_after(const std::function<int()>& act) {
    const pid_t child = ::fork();
    if (child == 0) {
      const bool may = (::unshare(CLONE_NEWNS) == 0 || ::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) &&
                       ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
      ::_exit(may ? act() : 77);
    }
    int status = -1;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  static ino_t here() {
    struct stat found {};
    return ::stat("/proc/self/ns/net", &found) == 0 ? found.st_ino : 0;
  }
  static ino_t inode(const Fd& file) {
    struct stat found {};
    return ::fstat(file.get(), &found) == 0 ? found.st_ino : 0;
  }

  [[nodiscard]] std::string path() const { return folder_.path() / "network"; }

 private:
  testing::TemporaryFolder folder_;
};

TEST_F(EmptyNetwork, IsMadeOnceAndJoinedByAll) {
  EXPECT_EQ(status_after([&] {
              const ino_t hosts = here();
              const Fd first = open_empty_network(path().c_str());
              const Fd second = open_empty_network(path().c_str());
              return (first && inode(first) != hosts ? 0 : 1) + (inode(first) == inode(second) ? 0 : 2) +
                     (here() == hosts ? 0 : 4) +
                     (join_network(second) == 0 && here() == inode(first) ? 0 : 8);
            }),
            0);
}

TEST_F(EmptyNetwork, HasALoopbackAlone) {
  EXPECT_EQ(status_after([&] {
              if (join_network(open_empty_network(path().c_str())) != 0) {
                return 99;
              }
              const struct if_nameindex* const all = ::if_nameindex();
              return all != nullptr && all[0].if_index == 1 && all[1].if_index == 0 ? 0 : 1;
            }),
            0);
}

TEST_F(EmptyNetwork, IsOfThisRunAloneWhereItCannotBeKept) {
  EXPECT_EQ(status_after([&] {
              const ino_t hosts = here();
              const std::string nowhere = path() + "/nowhere";
              const Fd first = open_empty_network(nowhere.c_str());
              const Fd second = open_empty_network(nowhere.c_str());
              return (first && inode(first) != hosts ? 0 : 1) + (inode(first) != inode(second) ? 0 : 2) +
                     (here() == hosts ? 0 : 4);
            }),
            0);
}

}  // namespace
}  // namespace mayfly::sandbox
