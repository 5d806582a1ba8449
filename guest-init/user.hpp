// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

#include <sys/types.h>

#include "guest-init/accounts.hpp"
#include "guest-init/failure.hpp"

namespace mayfly::init {

/// Longest home directory, in bytes: with "HOME=" before it, it still is one Text.
inline constexpr std::size_t kHomeBytesMax = Text::kBytesMax - 5;

/// As whom the workload runs.
struct User {
  uid_t uid = 0;
  gid_t gid = 0;
  GroupSet groups;  ///< Supplementary groups.
  Text home;        ///< Home directory: "/" when no account says otherwise.
};

/// Where accounts are looked up.
struct AccountFiles {
  const char* passwd = "/etc/passwd";
  const char* group = "/etc/group";
};

/// Resolves "name", "name:group", "uid" or "uid:gid"; empty means root, its home /root, and no file is read.
///
/// A name must have its account; its groups are those of the files. A group given after the colon is the only
/// one. A number needs no file: with an account it gets that one's gid and home, without it gid 0 and "/" (as
/// in Docker). Errors: unknown name, or a file over 256 KiB (EFBIG).
[[nodiscard]] Step resolve_user(std::string_view spec, const AccountFiles& files, User& user) noexcept;

}  // namespace mayfly::init
