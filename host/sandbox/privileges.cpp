// SPDX-License-Identifier: Apache-2.0
#include "sandbox/privileges.hpp"

#include <cerrno>

#include <sys/capability.h>
#include <sys/prctl.h>

namespace mayfly::sandbox {
namespace {

/// Capabilities are numbered below 64: the kernel's sets are 64 bits wide.
constexpr cap_value_t kCapabilitiesEnd = 64;

}  // namespace

int drop_bounding_set() noexcept {
  for (cap_value_t capability = 0; capability < kCapabilitiesEnd; ++capability) {
    if (::cap_drop_bound(capability) != 0) {
      // The kernel's last capability was the one before; or we may not, and without an exec have no use for
      // it.
      return errno == EINVAL || errno == EPERM ? 0 : errno;
    }
  }
  return 0;
}

int drop_privileges() noexcept {
  // libcap's cap_reset_ambient() asks for each one first.
  if (::prctl(PR_CAP_AMBIENT, static_cast<unsigned long>(PR_CAP_AMBIENT_CLEAR_ALL), 0UL, 0UL, 0UL) != 0) {
    return errno;
  }
  const cap_t none = ::cap_init();
  const int done = none == nullptr ? -1 : ::cap_set_proc(none);
  const int error = done == 0 ? 0 : errno;
  ::cap_free(none);
  if (error != 0) {
    return error;
  }
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) == 0 ? 0 : errno;
}

}  // namespace mayfly::sandbox
