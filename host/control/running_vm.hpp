// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "control/messages.hpp"

namespace mayfly::control {

/// A VM as the control socket reaches it. Called by the server's thread; each returns soon, or within the
/// time that it says. May throw Error.
class RunningVm {
 public:
  RunningVm() = default;
  RunningVm(const RunningVm&) = delete;
  RunningVm& operator=(const RunningVm&) = delete;
  virtual ~RunningVm() = default;

  [[nodiscard]] virtual Status status() = 0;
  /// Has the guest follow in its own time.
  [[nodiscard]] virtual Result<void, Refusal> set_balloon(std::uint64_t bytes) = 0;
  /// SIGTERM to the workload, once; a paused VM goes on for it.
  [[nodiscard]] virtual Result<void, Refusal> stop() = 0;
  /// Ends the VM without asking the guest.
  [[nodiscard]] virtual Result<void, Refusal> kill() = 0;
  /// Done once no vCPU runs; gives up after some seconds.
  [[nodiscard]] virtual Result<void, Refusal> pause() = 0;
  [[nodiscard]] virtual Result<void, Refusal> resume() = 0;
  /// Whether the guest's agent may be joined.
  [[nodiscard]] virtual Result<void, Refusal> may_exec() = 0;
  /// Joins a client, by its socket, which does not block, to the guest's agent: what each sends is the
  /// other's from now on. Where that cannot be, the client is hung up on.
  virtual void join_agent(Fd client) = 0;
};

}  // namespace mayfly::control
