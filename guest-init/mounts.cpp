// SPDX-License-Identifier: Apache-2.0
#include "guest-init/mounts.hpp"

#include <array>
#include <cerrno>

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mayfly::init {
namespace {

constexpr unsigned long kNoFiles = MS_NOSUID | MS_NODEV | MS_NOEXEC;

constexpr std::array kSystemMounts = {
    MountPlan{"proc", "/proc", "proc", kNoFiles, nullptr},
    MountPlan{"sysfs", "/sys", "sysfs", kNoFiles, nullptr},
    MountPlan{"devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "gid=5,mode=620,ptmxmode=666"},
};

struct DeviceLink {
  const char* target;
  const char* name;
};

constexpr std::array kDeviceLinks = {
    DeviceLink{"/proc/self/fd", "/dev/fd"},
    DeviceLink{"/proc/self/fd/0", "/dev/stdin"},
    DeviceLink{"/proc/self/fd/1", "/dev/stdout"},
    DeviceLink{"/proc/self/fd/2", "/dev/stderr"},
};

}  // namespace

Step perform(const MountPlan& plan) noexcept {
  const auto attempt = [&] {
    return mount(plan.source, plan.target, plan.type, plan.flags, plan.options) == 0;
  };
  if (attempt() || (errno == ENOENT && mkdir(plan.target, 0755) == 0 && attempt())) {
    return std::nullopt;
  }
  return setup_failure(errno, "mounting", plan.target);
}

Step mount_devices() noexcept {
  Step failed = perform({"devtmpfs", "/dev", "devtmpfs", MS_NOSUID | MS_NOEXEC, "mode=755"});
  if (failed && failed->error == EBUSY) {
    return std::nullopt;  // The kernel has mounted it: what is missing is the device that the caller looked
                          // for.
  }
  return failed;
}

Step mount_system() noexcept {
  for (const MountPlan& plan : kSystemMounts) {
    if (Step failed = perform(plan); failed) {
      return failed;
    }
  }
  for (const DeviceLink& link : kDeviceLinks) {
    if (symlink(link.target, link.name) != 0) {
      return setup_failure(errno, "linking", link.name);
    }
  }
  return std::nullopt;
}

}  // namespace mayfly::init
