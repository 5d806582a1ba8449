// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot_samples.hpp"

#include <algorithm>

namespace mayfly::vmm {

ExitCounts sum_of_exits(const Vcpus& vcpus) noexcept {
  ExitCounts all;
  for (const auto& vcpu : vcpus) {
    all += vcpu->counts();
  }
  return all;
}

BootSamples::BootSamples(int vm_fd, const Vcpus& vcpus) : mapped_(vm_fd), vcpus_(vcpus) {
  exits_.reserve(vcpus.size());
  for (const auto& vcpu : vcpus) {
    exits_.emplace_back(vcpu->vcpu().fd());
  }
}

std::optional<std::uint64_t> BootSamples::kvm_exits() const noexcept {
  std::optional<std::uint64_t> sum;
  for (const kvm::VcpuExits& each : exits_) {
    const auto exits = each.read();
    if (!exits.has_value()) {
      return std::nullopt;
    }
    sum = sum.value_or(0) + *exits;
  }
  return sum;
}

boot::Sample BootSamples::now(std::uint64_t at_ns) const noexcept {
  return {at_ns, sum_of_exits(vcpus_).values(), mapped_.read(), kvm_exits()};
}

void BootSamples::on_mark(std::uint64_t at_ns) noexcept {
  // A flood is neither kept nor paid for.
  if (taken_.load(std::memory_order_relaxed) >= samples_.size()) {
    return;
  }
  const std::size_t index = taken_.fetch_add(1, std::memory_order_relaxed);
  if (index < samples_.size()) {
    samples_[index] = now(at_ns);
  }
}

std::vector<boot::Sample> BootSamples::of_marks() const {
  const auto taken = std::min(taken_.load(std::memory_order_relaxed), samples_.size());
  return {samples_.begin(), samples_.begin() + static_cast<std::ptrdiff_t>(taken)};
}

}  // namespace mayfly::vmm
