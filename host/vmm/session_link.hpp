// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include <poll.h>

#include "base/fd.hpp"
#include "io/port_backend.hpp"
#include "vmm/vm_down.hpp"

namespace mayfly::vmm {

/// Joins a session to a stream socket whose other end is the guest's: what the console device does for the
/// session of a run. The main loop serves it; all calls are the main thread's but wake().
class SessionLink {
 public:
  /// `down` is told kPoweroff when the stream ends, and outlives this. Throws Error.
  SessionLink(Fd stream, VmDown& down);

  /// `session` outlives this, or is not served any more.
  void join(io::PortBackend& session) noexcept { session_ = &session; }
  /// Has the session asked for what it has to send. Any thread.
  void wake() noexcept;

  /// What poll() is to watch.
  [[nodiscard]] std::array<pollfd, 2> watched() const noexcept;
  /// Takes and gives what there is, by what poll() has said of watched(). Does not block.
  void serve(std::span<const pollfd, 2> watched) noexcept;

 private:
  /// False when the stream has ended. The same for send().
  [[nodiscard]] bool receive() noexcept;
  [[nodiscard]] bool send() noexcept;

  Fd stream_;  // empty once it has ended
  VmDown& down_;
  Fd wake_;
  io::PortBackend* session_ = nullptr;
  // What is on its way.
  std::array<std::byte, std::size_t{64} << 10U> received_{};
  std::array<std::byte, std::size_t{64} << 10U> sent_{};
  std::span<std::byte> unsent_;
  bool takes_no_more_ = false;
};

}  // namespace mayfly::vmm
