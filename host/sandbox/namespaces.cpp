// SPDX-License-Identifier: Apache-2.0
#include "sandbox/namespaces.hpp"

#include <cerrno>

#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace mayfly::sandbox {
namespace {

constexpr int kNamespaces = CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS;
/// It is there, or /dev/kvm could not have been opened.
constexpr const char* kCover = "/dev";

/// From the covered directory, which is the working one, to the root.
int become_root() noexcept {
  // pivot_root(2), "pivot_root(".", ".")": the old root lies under the new one, from where it is taken.
  if (::syscall(SYS_pivot_root, ".", ".") == 0) {
    return ::umount2(".", MNT_DETACH) == 0 ? 0 : errno;
  }
  // The root of an initramfs cannot be moved (EINVAL), so it is covered. There is no way under it without
  // CAP_SYS_CHROOT and a descriptor of a directory.
  return errno == EINVAL && ::mount(".", "/", nullptr, MS_MOVE, nullptr) == 0 && ::chroot(".") == 0 ? 0
                                                                                                    : errno;
}

}  // namespace

bool unshare_namespaces(UserNamespace user) noexcept {
  return ::unshare(kNamespaces) == 0 ||
         (user == UserNamespace::kYes && ::unshare(kNamespaces | CLONE_NEWUSER) == 0);
}

int empty_root() noexcept {
  // Else what follows would be seen by the host.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("none", kCover, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
              "size=4k,nr_inodes=1,mode=0555") != 0 ||
      ::chdir(kCover) != 0) {
    return errno;
  }
  if (const int error = become_root(); error != 0) {
    return error;
  }
  return ::chdir("/") == 0 ? 0 : errno;
}

}  // namespace mayfly::sandbox
