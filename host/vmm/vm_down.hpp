// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "base/fd.hpp"

namespace mayfly::vmm {

/// Why the virtual machine stopped by itself.
enum class DownReason : std::uint8_t {
  kReady,        ///< The workload is about to start, and no more was asked for.
  kPoweroff,     ///< ACPI S5.
  kReboot,       ///< ACPI reset register.
  kPanic,        ///< pvpanic: the guest kernel panicked.
  kTripleFault,  ///< KVM_EXIT_SHUTDOWN.
  kDmaMap,       ///< The host refused to map guest memory for passed-through devices.
  kInternal,     ///< KVM could not go on; the detail is its exit reason.
};

/// What made the machine stop, told by any thread to the main loop. The first report stays.
class VmDown {
 public:
  /// Throws Error when there is no eventfd to be had.
  VmDown();

  /// Any thread, any number of times.
  void report(DownReason reason, std::uint64_t detail = 0) noexcept;

  /// Readable once something was reported.
  [[nodiscard]] int fd() const noexcept { return event_.get(); }
  [[nodiscard]] std::optional<DownReason> reason() const noexcept;
  [[nodiscard]] std::uint64_t detail() const noexcept { return detail_.load(std::memory_order_acquire); }

 private:
  Fd event_;
  std::atomic_flag reported_;
  std::atomic<int> reason_{-1};
  std::atomic<std::uint64_t> detail_{0};
};

}  // namespace mayfly::vmm
