// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "vsock/endpoint.hpp"

namespace mayfly::vsock {

/// Who works for a guest's sockets: not a vCPU's thread.
class Worker {
 public:
  Worker() = default;
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  virtual ~Worker() = default;

  /// Has Guest::service() called soon, by the worker's thread. Any thread, whatever it has locked.
  virtual void wake() noexcept = 0;
  /// An eventfd that does the same when it is written, for the host's kernel; -1: there is none. Does not
  /// change.
  [[nodiscard]] virtual int bell() const noexcept { return -1; }
};

/// A guest's sockets, as its host's side sees them. One thread, the worker's, calls all of it.
class Guest {
 public:
  Guest() = default;
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;
  virtual ~Guest() = default;

  /// Does all that there is to do, also of what took too long.
  virtual void service() noexcept = 0;
  /// When to call it again at the latest, by CLOCK_MONOTONIC in nanoseconds; Endpoint::kNever.
  [[nodiscard]] virtual std::uint64_t deadline_ns() const noexcept = 0;
  // As Endpoint has them, and the guest is told at once. A guest without a driver has no ports.
  [[nodiscard]] virtual std::optional<Slot> ask(std::uint32_t guest_port) noexcept = 0;
  virtual void connected(Slot slot) noexcept = 0;
  virtual void refused(Slot slot) noexcept = 0;
  virtual void ready(Slot slot, Endpoint::Readiness what) noexcept = 0;
};

}  // namespace mayfly::vsock
