// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace mayfly::io {

/// What a descriptor is watched for, or was found to be: bits.
using Readiness = std::uint8_t;
inline constexpr Readiness kReadable = 1;
inline constexpr Readiness kWritable = 2;
/// An error, or nobody at the other end any more. Told whether it was asked for or not, again and again: the
/// handler must forget() its descriptor.
inline constexpr Readiness kBroken = 4;

/// Hears of one descriptor.
class EventHandler {
 public:
  EventHandler() = default;
  EventHandler(const EventHandler&) = delete;
  EventHandler& operator=(const EventHandler&) = delete;
  virtual ~EventHandler() = default;

  /// The loop's thread. Called again as long as the descriptor is ready for what it is watched for, so a
  /// handler does a bounded amount of work, and others have their turn in between.
  virtual void ready(Readiness what) noexcept = 0;
};

/// Waits for descriptors and calls their handlers, on one thread. All calls come from that thread, or before
/// it begins.
class EventLoop {
 public:
  EventLoop() = default;
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  virtual ~EventLoop() = default;

  /// Watches `fd` from now on; one that is closed is forgotten by itself. A handler has one descriptor, and
  /// outlives the loop or calls forget(). False when the host refuses.
  [[nodiscard]] virtual bool watch(int fd, Readiness what, EventHandler& handler) noexcept = 0;
  /// Watches `fd`, which is watched, for `what` instead; 0: for nothing, for now. False when the host
  /// refuses.
  [[nodiscard]] virtual bool change(int fd, Readiness what, EventHandler& handler) noexcept = 0;
  /// The handler is not called any more. Before `fd` is closed.
  virtual void forget(int fd, EventHandler& handler) noexcept = 0;
};

}  // namespace mayfly::io
