// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/fd.hpp"
#include "lease/socket.hpp"

namespace mayfly::control {

/// Where the control sockets of a user's VMs are: $XDG_RUNTIME_DIR/mayfly; else /run/mayfly for root,
/// /tmp/mayfly-UID for others. Any thread.
[[nodiscard]] std::string socket_folder();

/// The control sockets in a folder, each ID.sock. The folder is ours alone, mode 0700, and no symbolic link:
/// so no one else puts anything there. Any thread.
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
  /// Removes the sockets that VMs have left; their ids. Throws Error.
  [[nodiscard]] std::vector<std::string> remove_dead() const;

 private:
  class Lock;

  std::string path_;
  Fd folder_;  // empty: there is none
};

}  // namespace mayfly::control
