// SPDX-License-Identifier: Apache-2.0
#include "sandbox/namespaces.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.hpp"

namespace mayfly::sandbox {
namespace {

constexpr int kNamespaces = CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS;
/// It is there, or /dev/kvm could not have been opened.
constexpr const char* kCover = "/dev";
constexpr const char* kOwnNetwork = "/proc/self/ns/net";

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

/// We are who we were, so that servers tell their own user from others, who are nobody. Should the host
/// refuse, we are nobody too.
void name_user(uid_t user) noexcept {
  std::array<char, 32> line{};
  const int size = std::snprintf(line.data(), line.size(), "%u %u 1\n", user, user);
  const Fd map(::open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC));
  if (map) {
    [[maybe_unused]] const ssize_t written = ::write(map.get(), line.data(), static_cast<std::size_t>(size));
  }
}

/// A file, on which a namespace may have been mounted; empty when there is neither.
Fd open_kept(const char* path) noexcept { return Fd(::open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)); }

bool is_network(const Fd& file) noexcept {
  return file && ::ioctl(file.get(), NS_GET_NSTYPE) == CLONE_NEWNET;
}

/// Until somebody unmounts it. Two runs may do so at once: then the later one's is what others find.
void keep(const char* path) noexcept {
  const Fd file(::open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0));
  if (file) {
    [[maybe_unused]] const int kept = ::mount(kOwnNetwork, path, nullptr, MS_BIND, nullptr);
  }
}

}  // namespace

Fd open_empty_network(const char* path) noexcept {
  if (Fd kept = open_kept(path); is_network(kept)) {
    return kept;
  }
  const Fd hosts(::open(kOwnNetwork, O_RDONLY | O_CLOEXEC));
  if (!hosts || ::unshare(CLONE_NEWNET) != 0) {
    return {};
  }
  keep(path);
  Fd made(::open(kOwnNetwork, O_RDONLY | O_CLOEXEC));
  return join_network(hosts) == 0 ? std::move(made) : Fd();
}

int join_network(const Fd& network) noexcept { return ::setns(network.get(), CLONE_NEWNET) == 0 ? 0 : errno; }

bool unshare_namespaces(UserNamespace user) noexcept {
  if (::unshare(kNamespaces) == 0) {
    return true;
  }
  const uid_t own = ::geteuid();
  if (user == UserNamespace::kNo || ::unshare(kNamespaces | CLONE_NEWUSER) != 0) {
    return false;
  }
  name_user(own);
  return true;
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
