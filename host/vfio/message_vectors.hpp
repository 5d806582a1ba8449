// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/fd.hpp"
#include "io/event_interrupts.hpp"
#include "vfio/device_access.hpp"

namespace mayfly::vfio {

/// The MSI or MSI-X vectors of a device on their way to the guest: device -> eventfd -> the guest's local
/// APIC, all within the host's kernel.
///
/// The host allocates all vectors at enable() and never again; each gets its eventfd when the guest first
/// unmasks it. A masked vector's events wait in its eventfd, which is what makes it pending. Not locked: its
/// owner does that.
class MessageVectors {
 public:
  /// `count` lines of `sink` are allocated; both outlive this. Throws Error.
  MessageVectors(Interrupts kind, std::uint32_t count, DeviceAccess& device, io::EventInterrupts& sink);
  ~MessageVectors();
  MessageVectors(const MessageVectors&) = delete;
  MessageVectors& operator=(const MessageVectors&) = delete;

  [[nodiscard]] std::uint32_t count() const noexcept { return static_cast<std::uint32_t>(vectors_.size()); }
  [[nodiscard]] bool enabled() const noexcept { return enabled_; }

  /// Lets the device use its first `count` vectors, all masked, and nothing is pending. False when the host
  /// refuses.
  [[nodiscard]] bool enable(std::uint32_t count) noexcept;
  /// No vector interrupts any more. The host keeps them for the next enable(): to get them is the dearest of
  /// a driver's start, and drivers do it twice.
  void disable() noexcept;
  /// disable(), and the host may use another kind of the device's interrupts.
  void release() noexcept;

  /// The vector's interrupts are `message` from now on, pending ones included; nothing: they wait. While
  /// disabled this does nothing. False when the host refuses: the vector is masked then.
  [[nodiscard]] bool set(std::uint32_t vector, const std::optional<io::MsiMessage>& message) noexcept;
  /// True when the vector is masked and has interrupted since.
  [[nodiscard]] bool pending(std::uint32_t vector) const noexcept;

 private:
  struct Vector {
    Fd event{};
    /// The host's driver has the event.
    bool handed_over = false;
    /// What it is sent as; nothing while masked.
    std::optional<io::MsiMessage> message{};
  };
  void mask(std::uint32_t vector) noexcept;
  [[nodiscard]] bool allocate(std::uint32_t count) noexcept;

  Interrupts kind_;
  DeviceAccess& device_;
  io::EventInterrupts& sink_;
  std::uint32_t first_line_;
  std::vector<Vector> vectors_;
  std::vector<int> nobody_;
  /// As many vectors the host has, or will give as they are used; 0: it has not been asked.
  std::uint32_t allocated_ = 0;
  bool enabled_ = false;
};

}  // namespace mayfly::vfio
