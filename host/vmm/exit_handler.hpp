// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "boot/timeline.hpp"
#include "io/io_bus.hpp"
#include "kvm/exit.hpp"
#include "pci/config_ports.hpp"
#include "vmm/exit_counts.hpp"
#include "vmm/lazy_memory.hpp"
#include "vmm/vm_down.hpp"

namespace mayfly::vmm {

/// What a vCPU's loop does next.
enum class AfterExit : std::uint8_t { kRunAgain, kStop };

/// Is told of each byte that the guest wrote to port 0x80, after its time was taken.
class MarkObserver {
 public:
  virtual ~MarkObserver() = default;
  /// Any vCPU thread. `at_ns` since exec, as the timeline has it.
  virtual void on_mark(std::uint64_t at_ns) noexcept = 0;
};

/// Is told once the guest says that it is ready (port mark 0x61), unless the machine stops then.
class ReadyObserver {
 public:
  virtual ~ReadyObserver() = default;
  /// Any vCPU thread; a hostile guest may have two say it at once.
  virtual void on_ready() noexcept = 0;
};

/// Whether the machine stops when the guest says that it is ready (port mark 0x61).
enum class AtReady : std::uint8_t { kGoOn, kStop };

/// Answers the exits of all vCPUs: the fast paths first, then the buses. Any vCPU thread; never throws.
class ExitHandler {
 public:
  /// All outlive this; the buses are frozen before the first exit.
  ExitHandler(const io::IoBus& ports, const io::IoBus& mmio, pci::ConfigPorts& config_ports,
              boot::BootTimeline& timeline, VmDown& down, AtReady at_ready = AtReady::kGoOn) noexcept
      : ports_(ports),
        mmio_(mmio),
        config_ports_(config_ports),
        timeline_(timeline),
        down_(down),
        at_ready_(at_ready) {}

  /// Before the first exit; outlives the last.
  void observe_marks(MarkObserver& observer) noexcept { observer_ = &observer; }
  /// The same.
  void observe_ready(ReadyObserver& observer) { ready_observers_.push_back(&observer); }
  /// The same, for the guest's hypercalls.
  void answer_calls(LazyMemory& memory) noexcept { lazy_memory_ = &memory; }

  /// Handles one exit and adds it to `counts`, which belong to the calling vCPU.
  [[nodiscard]] AfterExit handle(const kvm::VmExit& exit, ExitCounts& counts) noexcept;

 private:
  [[nodiscard]] AfterExit port_out(const kvm::IoOut& exit, ExitCounts& counts) noexcept;
  void port_in(const kvm::IoIn& exit, ExitCounts& counts) noexcept;
  void map_range(const kvm::MapRange& exit, ExitCounts& counts) noexcept;
  [[nodiscard]] AfterExit boot_mark(std::uint8_t code) noexcept;

  const io::IoBus& ports_;
  const io::IoBus& mmio_;
  pci::ConfigPorts& config_ports_;
  boot::BootTimeline& timeline_;
  VmDown& down_;
  AtReady at_ready_;
  MarkObserver* observer_ = nullptr;
  std::vector<ReadyObserver*> ready_observers_;
  LazyMemory* lazy_memory_ = nullptr;
};

}  // namespace mayfly::vmm
