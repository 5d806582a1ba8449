// SPDX-License-Identifier: Apache-2.0
#include "sandbox/landlock.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.hpp"

namespace mayfly::sandbox {
namespace {

// <linux/landlock.h> of Linux 6.12: the headers of the oldest system that we are built on have less.
struct RulesetAttributes {
  std::uint64_t handled_access_fs;
  std::uint64_t handled_access_net;  ///< ABI 4
  std::uint64_t scoped;              ///< ABI 6
};
/// landlock_path_beneath_attr
struct [[gnu::packed]] PathBeneath {
  std::uint64_t allowed_access;
  std::int32_t parent_fd;
};
constexpr unsigned kPathBeneath = 1;             // LANDLOCK_RULE_PATH_BENEATH
constexpr std::uint64_t kRemoveFile = 1U << 5U;  // LANDLOCK_ACCESS_FS_REMOVE_FILE
constexpr unsigned kVersion = 1;                 // LANDLOCK_CREATE_RULESET_VERSION
constexpr int kAbiNet = 4;
constexpr int kAbiScoped = 6;
constexpr std::uint64_t kTcp = 0b11;     // bind, connect
constexpr std::uint64_t kScopes = 0b11;  // abstract Unix sockets, signals

/// All LANDLOCK_ACCESS_FS_* that a version has.
std::uint64_t all_of_files(int abi) noexcept {
  const int bits = abi >= 5 ? 16 : abi >= 3 ? 15 : abi == 2 ? 14 : 13;
  return (std::uint64_t{1} << bits) - 1;
}

}  // namespace

int landlock_abi() noexcept {
  const auto abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0UL, kVersion);
  return abi < 0 ? 0 : static_cast<int>(abi);
}

int restrict_by_landlock(int folder) noexcept {
  const int abi = landlock_abi();
  if (abi == 0) {
    return 0;
  }
  const RulesetAttributes all{all_of_files(abi), kTcp, kScopes};
  // An older kernel takes a shorter one.
  const std::size_t bytes = abi >= kAbiScoped ? sizeof(all)
                            : abi >= kAbiNet  ? offsetof(RulesetAttributes, scoped)
                                              : offsetof(RulesetAttributes, handled_access_net);
  const Fd ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &all, bytes, 0U)));
  if (!ruleset) {
    return errno;
  }
  const PathBeneath removal{kRemoveFile, folder};
  if (folder >= 0 && ::syscall(SYS_landlock_add_rule, ruleset.get(), kPathBeneath, &removal, 0U) != 0) {
    return errno;
  }
  return ::syscall(SYS_landlock_restrict_self, ruleset.get(), 0U) == 0 ? 0 : errno;
}

}  // namespace mayfly::sandbox
