// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "io/msi_sink.hpp"

namespace mayfly::io {

/// Interrupts that begin as events (eventfds) of the host's kernel and are delivered by it, without a thread
/// of ours. allocate() while the machine is built; all else from any thread.
class EventInterrupts {
 public:
  EventInterrupts() = default;
  EventInterrupts(const EventInterrupts&) = delete;
  EventInterrupts& operator=(const EventInterrupts&) = delete;
  virtual ~EventInterrupts() = default;

  /// The first of `count` new lines, each of which can carry one message. Throws Error when there are no
  /// more.
  [[nodiscard]] virtual std::uint32_t allocate(std::uint32_t count) = 0;
  /// Each `event` is sent as `message` from now on, and one that is waiting at once. The line is not
  /// connected. False when the host refuses.
  [[nodiscard]] virtual bool connect(std::uint32_t line, int event, const MsiMessage& message) noexcept = 0;
  /// Undoes connect(): events wait in `event` from now on.
  virtual void disconnect(std::uint32_t line, int event) noexcept = 0;

  /// Each `event` raises pin `pin` of the I/O APIC until the guest has ended the interrupt, which is an event
  /// of `ended`. A pin may have several. False when the host refuses.
  [[nodiscard]] virtual bool connect_pin(std::uint32_t pin, int event, int ended) noexcept = 0;
  virtual void disconnect_pin(std::uint32_t pin, int event) noexcept = 0;
};

}  // namespace mayfly::io
