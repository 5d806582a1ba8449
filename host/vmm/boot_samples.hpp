// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "boot/timeline.hpp"
#include "kvm/stats.hpp"
#include "vmm/exit_handler.hpp"
#include "vmm/vcpu_thread.hpp"

namespace mayfly::vmm {

using Vcpus = std::vector<std::unique_ptr<VcpuThread>>;

/// What all vCPUs have counted by now. Any thread.
[[nodiscard]] ExitCounts sum_of_exits(const Vcpus& vcpus) noexcept;

/// What the machine had done at each of the guest's marks, for the timeline's phases. Made only when a
/// timeline was asked for: a sample costs up to three system calls, and one for each vCPU.
class BootSamples final : public MarkObserver {
 public:
  /// `vcpus` outlives this, and is complete.
  BootSamples(int vm_fd, const Vcpus& vcpus);

  /// Keeps a sample; the first BootTimeline::kPortMarksMax.
  void on_mark(std::uint64_t at_ns) noexcept override;
  /// A sample for the caller. Any thread.
  [[nodiscard]] boot::Sample now(std::uint64_t at_ns) const noexcept;
  /// What on_mark() has kept. When no vCPU runs any more.
  [[nodiscard]] std::vector<boot::Sample> of_marks() const;

 private:
  /// Of all vCPUs; nothing where KVM does not count them.
  [[nodiscard]] std::optional<std::uint64_t> kvm_exits() const noexcept;

  kvm::MappedBytes mapped_;
  const Vcpus& vcpus_;
  std::vector<kvm::VcpuExits> exits_;  // one for each of vcpus_
  std::array<boot::Sample, boot::BootTimeline::kPortMarksMax> samples_{};
  std::atomic<std::size_t> taken_{0};
};

}  // namespace mayfly::vmm
