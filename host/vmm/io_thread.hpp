// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <span>
#include <thread>

#include <sys/epoll.h>

#include "base/fd.hpp"
#include "io/event_loop.hpp"
#include "sandbox/rules.hpp"
#include "vmm/pause_gate.hpp"

namespace mayfly::vmm {

/// The I/O thread, the one that all devices which stream share, or one that a network device has for a pair
/// of its queues. It sleeps until a descriptor of theirs is ready, and holds still at the gate while the
/// machine is paused.
class IoThread final : public io::EventLoop {
 public:
  /// What it may do once it runs depends on what it is for: of two kinds, kIo and kSockets. `gate` outlives
  /// this. Throws Error.
  IoThread(PauseGate& gate, sandbox::ThreadKind kind);
  /// Stops and joins.
  ~IoThread() override;

  /// Once, before lock_down(): what it may do is not for main to inherit. Throws Error when the host has no
  /// thread left.
  void start();
  /// To the gate, which was closed before, soon; does not wait. Any thread.
  void interrupt() noexcept;
  /// What is ready is still told, so that what a guest has sent before its end goes out; no handler is called
  /// any more when this returns. The gate is open.
  void stop() noexcept;

  [[nodiscard]] bool watch(int fd, io::Readiness what, io::EventHandler& handler) noexcept override;
  [[nodiscard]] bool change(int fd, io::Readiness what, io::EventHandler& handler) noexcept override;
  void forget(int fd, io::EventHandler& handler) noexcept override;

 private:
  void run() noexcept;
  /// Waits for at most so many milliseconds, -1: for ever; how much was ready.
  std::size_t take_turn(int timeout) noexcept;

  PauseGate& gate_;
  sandbox::ThreadKind kind_;
  Fd epoll_;
  Fd wake_;
  std::atomic<bool> stop_{false};
  /// Those of this turn that have not been called yet; the thread's own.
  std::array<epoll_event, 16> events_{};
  std::span<epoll_event> left_;
  std::thread thread_;
};

}  // namespace mayfly::vmm
