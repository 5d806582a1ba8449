// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.hpp"

namespace mayfly::kvm {

/// KVM's own counters of one VM or vCPU by name, such as "exits" or "halt_exits"; histograms are left out.
/// Empty on kernels before 5.14, which have none. Source: api.rst 4.133, KVM_GET_STATS_FD. Any thread.
[[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> read_stats(int vm_or_vcpu_fd);

/// How much of guest memory KVM has mapped for the guest, by its own counters of a VM: cheap enough to ask
/// while the guest runs.
class MappedBytes {
 public:
  /// Says nothing on kernels that have no such counters.
  explicit MappedBytes(int vm_fd);

  /// One to three system calls. Any thread.
  [[nodiscard]] std::optional<std::uint64_t> read() const noexcept;

 private:
  struct Counter {
    std::uint64_t offset;
    std::uint64_t page_bytes;
  };

  Fd fd_;
  std::vector<Counter> counters_;
};

/// How often one vCPU has left the guest, by KVM's own counter: for KVM itself too, not only for the VMM.
class VcpuExits {
 public:
  /// Says nothing on kernels that have no such counter.
  explicit VcpuExits(int vcpu_fd);

  /// One system call. Any thread.
  [[nodiscard]] std::optional<std::uint64_t> read() const noexcept;

 private:
  Fd fd_;
  std::optional<std::uint64_t> offset_;
};

}  // namespace mayfly::kvm
