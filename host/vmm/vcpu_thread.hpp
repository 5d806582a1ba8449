// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <future>
#include <thread>
#include <utility>
#include <vector>

#include "kvm/vcpu.hpp"
#include "vmm/exit_handler.hpp"
#include "vmm/pause_gate.hpp"

namespace mayfly::vmm {

/// A vCPU and the thread that does nothing but run it: enter the guest, answer the exit, again; or wait at
/// the gate.
class VcpuThread {
 public:
  /// `cpus`: those of the host that it may run on; none: wherever the scheduler puts it.
  VcpuThread(kvm::Vcpu vcpu, ExitHandler& handler, PauseGate& gate, std::vector<std::uint32_t> cpus) noexcept
      : vcpu_(std::move(vcpu)), handler_(handler), gate_(gate), cpus_(std::move(cpus)) {}
  /// Stops and joins.
  ~VcpuThread();
  VcpuThread(const VcpuThread&) = delete;
  VcpuThread& operator=(const VcpuThread&) = delete;

  /// Before start().
  [[nodiscard]] kvm::Vcpu& vcpu() noexcept { return vcpu_; }

  /// Enters the guest. Once. Throws Error when the host has no thread left, or does not let it run on its
  /// CPUs.
  void start();
  /// Out of the guest and the loop, soon; does not wait. Any thread.
  void request_stop() noexcept;
  /// Out of the guest, soon, and to the gate, which was closed before; does not wait. Any thread.
  void interrupt() noexcept;
  /// Waits for the loop's end after request_stop().
  void join() noexcept;
  /// Any thread; final after join().
  [[nodiscard]] const ExitCounts& counts() const noexcept { return counts_; }

 private:
  void run() noexcept;
  void let_kvm_start() noexcept;
  void pause() noexcept;

  kvm::Vcpu vcpu_;
  ExitHandler& handler_;
  PauseGate& gate_;
  std::vector<std::uint32_t> cpus_;
  ExitCounts counts_{};
  std::atomic<bool> stop_{false};
  std::atomic<bool> interrupted_{false};
  std::promise<void> kvm_started_;
  std::thread thread_;
};

}  // namespace mayfly::vmm
