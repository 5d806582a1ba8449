// SPDX-License-Identifier: Apache-2.0
#include "vfio/memlock.hpp"

#include <array>

#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/checked.hpp"
#include "base/error.hpp"

namespace mayfly::vfio {
namespace {

bool has_ipc_lock() noexcept {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
  return ::syscall(SYS_capget, &header, data.data()) == 0 &&
         (data[CAP_TO_INDEX(CAP_IPC_LOCK)].effective & CAP_TO_MASK(CAP_IPC_LOCK)) != 0;
}

}  // namespace

std::optional<std::uint64_t> memlock_limit() noexcept {
  rlimit limit{};
  if (has_ipc_lock() || ::getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return std::nullopt;
  }
  return limit.rlim_cur;
}

void require_memlock(std::uint64_t bytes, std::optional<std::uint64_t> limit) {
  if (limit.has_value() && *limit < bytes) {
    throw Error("cannot pin " + std::to_string(bytes / kMiB) +
                " MiB of guest memory for passthrough devices: RLIMIT_MEMLOCK is " +
                std::to_string(*limit / kKiB) + " KiB; " + memlock_advice(bytes));
  }
}

std::string memlock_advice(std::uint64_t bytes) {
  const std::string kib = std::to_string((bytes + kKiB - 1) / kKiB);
  return "set it to at least " + kib + " KiB ('ulimit -l " + kib + "', LimitMEMLOCK=" + kib +
         "K in a systemd unit), or give mayfly CAP_IPC_LOCK";
}

}  // namespace mayfly::vfio
