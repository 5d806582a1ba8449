// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include <sys/types.h>

#include "base/fd.hpp"
#include "vmm/passt_port.hpp"
#include "vmm/run_config.hpp"

namespace mayfly::vmm {

/// The passt(1) of a network device, whose `user` is there: a process in a session of its own with none of
/// our descriptors but an end of the wire, which confines itself. It ends when the other end does: when this
/// process is gone, however it ended, or has no more use for it. Main thread.
class PasstProcess {
 public:
  /// Starts it. While there is one thread, and before anything is given up that it needs: the host's network
  /// and files. Throws Error.
  explicit PasstProcess(const NetDevice& device);
  PasstProcess(const PasstProcess&) = delete;
  PasstProcess& operator=(const PasstProcess&) = delete;
  /// Waits until it is gone, some seconds at most, so that its ports are free; the port is gone already.
  ~PasstProcess();

  /// Our end of the wire. Once.
  [[nodiscard]] std::unique_ptr<PasstPort> take_port();
  /// Waits until it answers for the gateway: until then it may find that it cannot do what it is for. Once,
  /// after take_port(), while nobody else uses the port. Ignore SIGPIPE (Signals does). Throws Error with
  /// what passt has said.
  void wait_until_up();

  [[nodiscard]] pid_t id() const noexcept { return process_; }

 private:
  protocol::NetworkSetup setup_;
  Fd stream_;
  Fd messages_;
  /// Where the process says why it is no passt; closed when it is one.
  Fd failed_;
  PasstPort* port_ = nullptr;
  pid_t process_ = 0;
  /// Readable when it has ended; empty on a kernel without pidfd_open.
  Fd end_;
};

}  // namespace mayfly::vmm
