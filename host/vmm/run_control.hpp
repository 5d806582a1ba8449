// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <mutex>

#include "boot/timeline.hpp"
#include "control/running_vm.hpp"
#include "vmm/lifecycle.hpp"
#include "vmm/machine.hpp"
#include "vmm/run_config.hpp"
#include "vmm/run_requests.hpp"

namespace mayfly::vmm {

/// A run as its control socket reaches it: what the machine is asked, while there is one. Any thread.
class RunControl final : public control::RunningVm {
 public:
  /// All outlive this. `id` is the VM's.
  RunControl(const RunConfig& config, const std::string& id, const boot::BootTimeline& timeline,
             RunRequests& requests, Lifecycle& lifecycle) noexcept
      : config_(config), id_(id), timeline_(timeline), requests_(requests), lifecycle_(lifecycle) {}

  /// `machine` runs, and is there until detach().
  void attach(Machine& machine);
  /// Waits for who is asking the machine just now.
  void detach() noexcept;

  [[nodiscard]] control::Status status() override;
  [[nodiscard]] Result<void, control::Refusal> set_balloon(std::uint64_t bytes) override;
  [[nodiscard]] Result<void, control::Refusal> stop() override;
  [[nodiscard]] Result<void, control::Refusal> kill() override;
  [[nodiscard]] Result<void, control::Refusal> pause() override;
  [[nodiscard]] Result<void, control::Refusal> resume() override;
  [[nodiscard]] Result<void, control::Refusal> may_exec() override;
  void join_agent(Fd client) override;

 private:
  void add_machine(control::Status& status) const;
  [[nodiscard]] control::State state() const noexcept;

  const RunConfig& config_;
  const std::string& id_;
  const boot::BootTimeline& timeline_;
  RunRequests& requests_;
  Lifecycle& lifecycle_;

  std::mutex mutex_;            // guards what follows, and the machine's life
  Machine* machine_ = nullptr;  // before attach() and after detach() there is none
  bool paused_ = false;
};

}  // namespace mayfly::vmm
