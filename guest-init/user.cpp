// SPDX-License-Identifier: Apache-2.0
#include "guest-init/user.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <optional>

#include <fcntl.h>
#include <unistd.h>

namespace mayfly::init {
namespace {

constexpr std::size_t kFileBytesMax = 256U << 10U;

/// The text of the account file in use: /etc/passwd first, then /etc/group over it.
std::array<char, kFileBytesMax> file_bytes;

/// Reads a whole file; a missing one is empty.
[[nodiscard]] Step read_file(const char* path, std::string_view& text) noexcept {
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    text = {};
    return errno == ENOENT ? std::nullopt : Step(setup_failure(errno, "opening", path));
  }
  std::size_t size = 0;
  int error = 0;
  while (error == 0) {
    const ssize_t got = read(file, file_bytes.data() + size, file_bytes.size() - size);
    if (got == 0) {
      break;
    }
    error = got < 0 ? errno : 0;
    size += got < 0 ? 0 : static_cast<std::size_t>(got);
    if (size == file_bytes.size()) {
      error = EFBIG;
    }
  }
  close(file);
  if (error != 0) {
    return setup_failure(error, "reading", path);
  }
  text = {file_bytes.data(), size};
  return std::nullopt;
}

/// Fills uid, gid and home from the account that `name` means. `account_name` is set when there is one.
[[nodiscard]] Step resolve_account(std::string_view name, const char* passwd_path, User& user,
                                   Text& account_name) noexcept {
  std::string_view passwd;
  if (Step failed = read_file(passwd_path, passwd); failed) {
    return failed;
  }
  const std::optional<uid_t> uid = parse_id(name);
  const auto account = uid ? find_account(passwd, *uid) : find_account(passwd, name);
  if (!account && !uid) {
    return setup_failure(ENOENT, "finding user", name);
  }
  if (account && (account->name.size() > Text::kBytesMax || account->home.size() > kHomeBytesMax)) {
    return setup_failure(ENAMETOOLONG, "reading the account of user", name);
  }
  user.uid = account ? account->uid : *uid;
  user.gid = account ? account->gid : 0;
  user.home.add(account && !account->home.empty() ? account->home : "/");
  if (account) {
    account_name.add(account->name);
  }
  return std::nullopt;
}

[[nodiscard]] Step resolve_group(std::string_view name, const char* group_path, User& user) noexcept {
  if (const auto gid = parse_id(name); gid) {
    user.gid = *gid;
    return std::nullopt;
  }
  std::string_view group;
  if (Step failed = read_file(group_path, group); failed) {
    return failed;
  }
  const auto gid = find_group(group, name);
  if (!gid) {
    return setup_failure(ENOENT, "finding group", name);
  }
  user.gid = *gid;
  return std::nullopt;
}

[[nodiscard]] Step add_groups_of(std::string_view account_name, const char* group_path, User& user) noexcept {
  std::string_view group;
  if (Step failed = read_file(group_path, group); failed) {
    return failed;
  }
  if (!collect_groups(group, account_name, user.groups)) {
    return setup_failure(E2BIG, "collecting the groups of user", account_name);
  }
  return std::nullopt;
}

}  // namespace

Step resolve_user(std::string_view spec, const AccountFiles& files, User& user) noexcept {
  if (spec.empty()) {
    user.home.add("/root");
    return std::nullopt;
  }
  const std::size_t colon = spec.find(':');
  const std::string_view name{spec.data(), colon == std::string_view::npos ? spec.size() : colon};
  Text account_name;
  if (Step failed = resolve_account(name, files.passwd, user, account_name); failed) {
    return failed;
  }
  if (colon != std::string_view::npos) {
    return resolve_group({spec.data() + colon + 1, spec.size() - colon - 1}, files.group, user);
  }
  if (account_name.view().empty()) {
    return std::nullopt;
  }
  return add_groups_of(account_name.view(), files.group, user);
}

}  // namespace mayfly::init
