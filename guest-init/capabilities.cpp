// SPDX-License-Identifier: Apache-2.0
#include "guest-init/capabilities.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <sys/capability.h>
#include <sys/prctl.h>

namespace mayfly::init {
namespace {

/// Docker's default set without CAP_AUDIT_WRITE. The README has the reason for each.
constexpr std::array<cap_value_t, 13> kKept = {
    CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_FOWNER,           CAP_FSETID, CAP_KILL,
    CAP_MKNOD,  CAP_NET_RAW,      CAP_SETFCAP,          CAP_SETGID, CAP_SETPCAP,
    CAP_SETUID, CAP_SYS_CHROOT,   CAP_NET_BIND_SERVICE,
};

/// Capabilities are numbered below 64: the kernel's sets are 64 bits wide.
constexpr cap_value_t kCapabilitiesEnd = 64;

}  // namespace

Step confine() noexcept {
  for (cap_value_t capability = 0; capability < kCapabilitiesEnd; ++capability) {
    if (std::find(kKept.begin(), kKept.end(), capability) != kKept.end()) {
      continue;
    }
    if (cap_drop_bound(capability) != 0) {
      if (errno == EINVAL) {
        break;  // The kernel's last capability was the one before.
      }
      return setup_failure(errno, "dropping capability",
                           Text().add_number(static_cast<unsigned>(capability)).view());
    }
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return setup_failure(errno, "setting no_new_privs");
  }
  return std::nullopt;
}

}  // namespace mayfly::init
