// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include <sys/types.h>

/// Look-ups in the text of /etc/passwd and /etc/group. Pure functions; malformed lines are passed over.
namespace mayfly::init {

/// One line of /etc/passwd, borrowed from its text.
struct Account {
  std::string_view name;
  uid_t uid;
  gid_t gid;
  std::string_view home;
};

/// A set of group ids, as setgroups() takes it.
class GroupSet {
 public:
  static constexpr std::size_t kGroupsMax = 256;

  /// False when the set is full.
  [[nodiscard]] bool add(gid_t group) noexcept {
    if (size_ == kGroupsMax) {
      return false;
    }
    groups_[size_++] = group;
    return true;
  }
  [[nodiscard]] std::span<const gid_t> view() const noexcept { return {groups_.data(), size_}; }

 private:
  std::size_t size_ = 0;
  std::array<gid_t, kGroupsMax> groups_{};
};

/// A decimal id below 2^32 - 1 (which means "none" to the kernel); nothing for any other text.
[[nodiscard]] std::optional<unsigned> parse_id(std::string_view text) noexcept;

/// The first account of that name.
[[nodiscard]] std::optional<Account> find_account(std::string_view passwd, std::string_view name) noexcept;

/// The first account of that uid.
[[nodiscard]] std::optional<Account> find_account(std::string_view passwd, uid_t uid) noexcept;

/// The id of the first group of that name.
[[nodiscard]] std::optional<gid_t> find_group(std::string_view group, std::string_view name) noexcept;

/// Adds the groups that list `member`. False when there are more than the set takes.
[[nodiscard]] bool collect_groups(std::string_view group, std::string_view member, GroupSet& groups) noexcept;

}  // namespace mayfly::init
