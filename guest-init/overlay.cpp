// SPDX-License-Identifier: Apache-2.0
#include "guest-init/overlay.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "guest-init/mounts.hpp"

namespace mayfly::init {
namespace {

struct Directory {
  const char* path;
  mode_t mode;
};

/// The writable layer, in the tmpfs on /.mayfly/rw.
constexpr std::array kDirectories = {
    Directory{"/.mayfly/rw/upper", 0755}, Directory{"/.mayfly/rw/work", 0755},
    Directory{"/.mayfly/rw/run", 0755},   Directory{"/.mayfly/rw/tmp", 01777},
    Directory{"/.mayfly/rw/shm", 01777},  Directory{"/dev/shm", 01777},
};

/// In order; relative paths are in the overlay's root. The overlay is mounted over its own upper layer, which
/// needs to be seen by nobody. /tmp and its like inherit nosuid and nodev.
constexpr std::array kBindMounts = {
    MountPlan{"/.mayfly/rw/tmp", "tmp", nullptr, MS_BIND, nullptr},
    MountPlan{"/.mayfly/rw/run", "run", nullptr, MS_BIND, nullptr},
    MountPlan{"/.mayfly/rw/shm", "/dev/shm", nullptr, MS_BIND, nullptr},
    MountPlan{"/dev", "dev", nullptr, MS_MOVE, nullptr},
};

[[nodiscard]] const char* image_type(const struct statfs& root) noexcept {
  switch (static_cast<unsigned long>(root.f_type)) {
    case EROFS_SUPER_MAGIC_V1:
      return "erofs";
    case EXT4_SUPER_MAGIC:
      return "ext4";
    default:
      return nullptr;
  }
}

[[nodiscard]] Step describe_root(RootOrigin& origin) noexcept {
  struct stat status {};
  struct statfs root {};
  if (stat("/", &status) != 0 || statfs("/", &root) != 0) {
    return setup_failure(errno, "looking at the root file system");
  }
  origin = {.device = status.st_dev, .type = image_type(root)};
  return std::nullopt;
}

[[nodiscard]] Step make_writable_layer() noexcept {
  if (Step failed = perform({"tmpfs", "/.mayfly/rw", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755"}); failed) {
    return failed;
  }
  for (const Directory& directory : kDirectories) {
    if (mkdir(directory.path, directory.mode) != 0) {
      return setup_failure(errno, "making", directory.path);
    }
  }
  return std::nullopt;
}

}  // namespace

Step enter_overlay(RootOrigin& origin) noexcept {
  if (Step failed = describe_root(origin); failed) {
    return failed;
  }
  if (Step failed = make_writable_layer(); failed) {
    return failed;
  }
  if (Step failed = perform({"overlay", "/.mayfly/rw/upper", "overlay", 0,
                             "lowerdir=/,upperdir=/.mayfly/rw/upper,workdir=/.mayfly/rw/work,uuid=null"});
      failed) {
    return failed;
  }
  if (chdir("/.mayfly/rw/upper") != 0) {
    return setup_failure(errno, "entering the overlay");
  }
  for (const MountPlan& plan : kBindMounts) {
    if (Step failed = perform(plan); failed) {
      return failed;
    }
  }
  // As the kernel itself enters the root: the overlay comes to lie on "/", and chroot steps into it.
  // pivot_root would leave the old root to be unmounted, and each unmount waits for an RCU grace period.
  if (mount(".", "/", nullptr, MS_MOVE, nullptr) != 0 || chroot(".") != 0) {
    return setup_failure(errno, "making the overlay the root");
  }
  return std::nullopt;
}

Step show_lower_root(const RootOrigin& origin) noexcept {
  if (origin.type == nullptr) {
    return std::nullopt;
  }
  // The kernel calls the root's device "/dev/root"; sysfs knows its name.
  Text link;
  link.add("/sys/dev/block/").add_number(major(origin.device)).add(":").add_number(minor(origin.device));
  std::array<char, 256> target{};
  if (readlink(link.c_str(), target.data(), target.size() - 1) <= 0) {
    return setup_failure(errno, "finding the root's device", link.view());
  }
  const char* slash = std::strrchr(target.data(), '/');
  Text device;
  device.add("/dev/").add(slash == nullptr ? target.data() : slash + 1);
  // The file system is mounted already: this is one more mount of it, with the options that it has.
  return perform({device.c_str(), "/.mayfly/lower", origin.type, MS_RDONLY | MS_NOSUID | MS_NODEV, nullptr});
}

}  // namespace mayfly::init
