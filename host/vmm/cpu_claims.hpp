// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/fd.hpp"

namespace mayfly::vmm {

/// CPUs of the host that this run has to itself, among all runs of this network namespace; until it goes, or
/// the process does, however that ends.
///
/// A claim is an abstract Unix socket that is named after the CPU: the kernel lets nobody else bind it, and
/// there is no file to be left behind.
class CpuClaims {
 public:
  /// None.
  CpuClaims() = default;
  /// Takes the first `count` of `candidates` that no other run has. Throws Error, naming the CPUs that others
  /// have, when those are too few.
  CpuClaims(std::span<const std::uint32_t> candidates, std::uint32_t count);

  /// One for each vCPU, in the order of the candidates.
  [[nodiscard]] const std::vector<std::uint32_t>& cpus() const noexcept { return cpus_; }

 private:
  std::vector<std::uint32_t> cpus_;
  std::vector<Fd> sockets_;
};

}  // namespace mayfly::vmm
