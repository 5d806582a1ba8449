// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <optional>

#include "memory/working_set.hpp"
#include "vmm/exit_handler.hpp"

namespace mayfly::vmm {

/// Notes what of guest memory is populated when the guest says that it is ready.
class WorkingSetRecorder final : public ReadyObserver {
 public:
  /// `ram` outlives this.
  explicit WorkingSetRecorder(const Backing& ram) noexcept : ram_(ram) {}

  /// Looks, the first time; takes about a millisecond for each GiB.
  void on_ready() noexcept override;
  /// What it saw; nothing when the guest was never ready, or there was no memory to note it. After all vCPUs.
  [[nodiscard]] const std::optional<WorkingSet>& seen() const noexcept { return seen_; }

 private:
  const Backing& ram_;
  std::atomic_flag looked_;
  std::optional<WorkingSet> seen_;
};

}  // namespace mayfly::vmm
