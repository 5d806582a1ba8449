// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <span>
#include <thread>

#include "base/fd.hpp"
#include "io/port_backend.hpp"
#include "vmm/vm_down.hpp"

namespace mayfly::vmm {

/// Joins a session to a stream socket whose other end is the guest's: what the console device does for the
/// session of a run. A thread of its own; all calls are the main thread's but wake().
class SessionLink {
 public:
  /// `down` is told kPoweroff when the stream ends. Throws Error. Both outlive this.
  SessionLink(Fd stream, VmDown& down);
  /// As stop().
  ~SessionLink() { stop(); }
  SessionLink(const SessionLink&) = delete;
  SessionLink& operator=(const SessionLink&) = delete;

  /// Begins, once, with `session`, which outlives this or stop(). Throws Error when the host has no thread
  /// left.
  void start(io::PortBackend& session);
  /// Has the session asked for what it has to send. Any thread.
  void wake() noexcept;
  /// Ends the thread, and the stream.
  void stop() noexcept;

 private:
  void run(io::PortBackend& session) noexcept;
  /// False when the stream has ended. The same for send().
  [[nodiscard]] bool receive(io::PortBackend& session) noexcept;
  [[nodiscard]] bool send(io::PortBackend& session) noexcept;

  Fd stream_;
  VmDown& down_;
  Fd wake_;
  std::atomic<bool> stop_{false};
  // Of the thread alone: what is on its way.
  std::array<std::byte, std::size_t{64} << 10U> received_{};
  std::array<std::byte, std::size_t{64} << 10U> sent_{};
  std::span<std::byte> unsent_;
  bool takes_no_more_ = false;
  std::thread thread_;
};

}  // namespace mayfly::vmm
