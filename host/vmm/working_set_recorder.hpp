// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/fd.hpp"
#include "memory/working_set.hpp"
#include "vmm/exit_handler.hpp"

namespace mayfly::vmm {

/// Notes what of guest memory is populated soon after the guest says that it is ready.
class WorkingSetRecorder final : public ReadyObserver {
 public:
  /// `ram` outlives this. Throws Error when there is no eventfd to be had.
  explicit WorkingSetRecorder(const Backing& ram);

  void on_ready() noexcept override;
  /// Readable when it is time to look(); -1: it has looked.
  [[nodiscard]] int fd() const noexcept { return looked_ ? -1 : ready_.get(); }
  /// Looks, the first time; takes about a millisecond for each GiB. Main thread.
  void look() noexcept;
  /// What it saw; nothing where it has not looked, or there was no memory to note it. Main thread.
  [[nodiscard]] const std::optional<WorkingSet>& seen() const noexcept { return seen_; }

 private:
  const Backing& ram_;
  Fd ready_;  // stays open: a guest may say that it is ready at any time
  bool looked_ = false;
  std::optional<WorkingSet> seen_;
};

}  // namespace mayfly::vmm
