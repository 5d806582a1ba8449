// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <sys/types.h>

#include "base/fd.hpp"
#include "sandbox/mode.hpp"
#include "vsock/clients.hpp"

namespace mayfly::vmm {

/// The process that connects for a guest's sockets (vsock::serve_connect), and makes the socket at PATH that
/// clients connect to, which it removes as the last thing it does: when this process is gone, at whichever
/// moment and however it ended, or has no more use for it.
///
/// It has no terminal and takes no signal of one, has none of our descriptors but its end of a channel and
/// the listening socket, and is confined before it hears the first request. Main thread.
class ConnectorProcess {
 public:
  /// Starts it. While there is one thread, and before anything is given up that it needs: the host's files.
  /// Throws Error.
  ConnectorProcess(const std::string& path, sandbox::Mode mode);
  ConnectorProcess(const ConnectorProcess&) = delete;
  ConnectorProcess& operator=(const ConnectorProcess&) = delete;
  /// Waits until it is gone, some seconds at most; what the others gave is gone already.
  ~ConnectorProcess();

  /// Waits until it listens and is confined. Once. Throws Error.
  [[nodiscard]] vsock::Clients::Doors take_doors();

  [[nodiscard]] pid_t id() const noexcept { return process_; }

 private:
  Fd channel_;
  pid_t process_ = 0;
  /// Readable when it has ended; empty on a kernel without pidfd_open.
  Fd end_;
};

}  // namespace mayfly::vmm
