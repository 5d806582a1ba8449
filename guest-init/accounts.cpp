// SPDX-License-Identifier: Apache-2.0
#include "guest-init/accounts.hpp"

#include <charconv>
#include <limits>

namespace mayfly::init {
namespace {

/// Takes the text before the next `separator` (or all) off the front of `rest`.
std::string_view take_until(std::string_view& rest, char separator) noexcept {
  const std::size_t at = rest.find(separator);
  const std::string_view taken{rest.data(), at == std::string_view::npos ? rest.size() : at};
  rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + 1);
  return taken;
}

[[nodiscard]] std::optional<Account> parse_account(std::string_view line) noexcept {
  Account account{};
  account.name = take_until(line, ':');
  take_until(line, ':');  // password
  const auto uid = parse_id(take_until(line, ':'));
  const auto gid = parse_id(take_until(line, ':'));
  take_until(line, ':');  // full name
  account.home = take_until(line, ':');
  if (account.name.empty() || !uid || !gid) {
    return std::nullopt;
  }
  account.uid = *uid;
  account.gid = *gid;
  return account;
}

template <typename Matches>
[[nodiscard]] std::optional<Account> find_account_if(std::string_view passwd, Matches matches) noexcept {
  while (!passwd.empty()) {
    const auto account = parse_account(take_until(passwd, '\n'));
    if (account && matches(*account)) {
      return account;
    }
  }
  return std::nullopt;
}

struct Group {
  std::string_view name;
  std::optional<gid_t> gid;
  std::string_view members;
};

[[nodiscard]] Group parse_group(std::string_view line) noexcept {
  Group group{};
  group.name = take_until(line, ':');
  take_until(line, ':');  // password
  group.gid = parse_id(take_until(line, ':'));
  group.members = line;
  return group;
}

[[nodiscard]] bool lists(std::string_view members, std::string_view member) noexcept {
  while (!members.empty()) {
    if (take_until(members, ',') == member) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::optional<unsigned> parse_id(std::string_view text) noexcept {
  unsigned id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc{} || end != text.data() + text.size() ||
      id == std::numeric_limits<unsigned>::max()) {
    return std::nullopt;
  }
  return id;
}

std::optional<Account> find_account(std::string_view passwd, std::string_view name) noexcept {
  return find_account_if(passwd, [name](const Account& account) { return account.name == name; });
}

std::optional<Account> find_account(std::string_view passwd, uid_t uid) noexcept {
  return find_account_if(passwd, [uid](const Account& account) { return account.uid == uid; });
}

std::optional<gid_t> find_group(std::string_view group, std::string_view name) noexcept {
  while (!group.empty()) {
    const Group found = parse_group(take_until(group, '\n'));
    if (found.gid && found.name == name) {
      return found.gid;
    }
  }
  return std::nullopt;
}

bool collect_groups(std::string_view group, std::string_view member, GroupSet& groups) noexcept {
  while (!group.empty()) {
    const Group found = parse_group(take_until(group, '\n'));
    if (found.gid && lists(found.members, member) && !groups.add(*found.gid)) {
      return false;
    }
  }
  return true;
}

}  // namespace mayfly::init
