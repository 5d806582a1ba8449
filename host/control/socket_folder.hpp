// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "lease/socket.hpp"

namespace mayfly::control {

/// Where the control sockets of a user's VMs are: $XDG_RUNTIME_DIR/mayfly; else /run/mayfly for root,
/// /tmp/mayfly-UID for others. Any thread.
[[nodiscard]] std::string socket_folder();

/// The control sockets in a folder, each ID.sock, and logs of detached runs, each ID.log. The folder is ours
/// alone, mode 0700, and no symbolic link: so no one else puts anything there. Any thread.
class SocketFolder {
 public:
  enum class IfMissing : bool { kStaysEmpty, kMake };

  /// Throws Error: the folder cannot be made or opened, or others may write there.
  SocketFolder(std::string path, IfMissing missing);

  [[nodiscard]] std::string path_of(const std::string& id) const;
  /// Of all sockets, living or not; sorted.
  [[nodiscard]] std::vector<std::string> ids() const;
  /// Makes the VM's socket; one that a VM has left is replaced. Throws Error when a VM of that id lives.
  [[nodiscard]] lease::Listener claim(const std::string& id) const;
  /// A new log of the VM whose id was claimed, ID.log, to read and write; that of an earlier one is gone.
  /// Throws Error.
  [[nodiscard]] Fd make_log(const std::string& id) const;
  /// The log of a VM that has ended, to go on with, locked. Throws Error: a living VM's.
  [[nodiscard]] Fd reopen_log(const std::string& id) const;
  /// That of a VM, which may have ended, to read. Throws Error.
  [[nodiscard]] Fd open_log(const std::string& id) const;
  /// Removes the sockets and logs that VMs have left; their ids, sorted. Throws Error.
  [[nodiscard]] std::vector<std::string> remove_dead() const;

 private:
  class Lock;

  [[nodiscard]] Fd open_log_to(int access, const std::string& id) const;
  [[nodiscard]] std::vector<std::string> ids_with(std::string_view suffix) const;
  [[nodiscard]] bool is_dead(const std::string& id) const;
  [[nodiscard]] bool is_dead_log(const std::string& id) const;

  std::string path_;
  Fd folder_;  // empty: there is none
};

}  // namespace mayfly::control
