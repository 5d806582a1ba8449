// SPDX-License-Identifier: Apache-2.0
#include "guest-init/disks.hpp"

#include <csignal>

#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest-init/mounts.hpp"

namespace mayfly::init {

Step mount_disks(std::span<const Mount> mounts) noexcept {
  for (const Mount& mount : mounts) {
    // What is on a disk is not what the image's maker has vouched for.
    const unsigned long flags =
        MS_NOSUID | MS_NODEV | (mount.what.read_only != 0 ? static_cast<unsigned long>(MS_RDONLY) : 0);
    char device[] = "/dev/vda";
    device[sizeof(device) - 2] = static_cast<char>('a' + mount.what.disk);
    const char* const type = mount.what.file_system == protocol::FileSystem::kErofs ? "erofs" : "ext4";
    if (Step failed = perform({device, mount.path, type, flags, nullptr}); failed) {
      failed->text.add(" from ").add(device);
      return failed;
    }
  }
  return std::nullopt;
}

void unmount_disks(std::span<const Mount> mounts) noexcept {
  if (mounts.empty()) {
    return;
  }
  // Whoever is left may have files open there.
  kill(-1, SIGKILL);
  while (waitpid(-1, nullptr, 0) > 0) {
  }
  for (; !mounts.empty(); mounts = mounts.first(mounts.size() - 1)) {
    umount2(mounts.back().path, UMOUNT_NOFOLLOW);
  }
  sync();  // Of what could not be unmounted.
}

}  // namespace mayfly::init
