// SPDX-License-Identifier: Apache-2.0
// What a machine has done and counted.
#include <cstddef>

#include "kvm/stats.hpp"
#include "vmm/machine.hpp"

namespace mayfly::vmm {
namespace {

/// Nothing when there is no device.
template <typename Device>
auto sum_of_counts(const std::vector<const Device*>& devices) noexcept {
  using Counts = decltype(devices.front()->counts());
  std::optional<Counts> sum;
  for (const Device* device : devices) {
    if (!sum.has_value()) {
      sum.emplace();
    }
    *sum += device->counts();
  }
  return sum;
}

}  // namespace

std::optional<WorkingSet> Machine::touched() const {
  if (recorder_ == nullptr) {
    return std::nullopt;
  }
  if (timeline_.reached(boot::Milestone::kReady)) {
    recorder_->look();  // it was not told where the machine stops there
  }
  return recorder_->seen();
}

std::vector<std::pair<std::string, std::uint64_t>> Machine::kvm_stats() const {
  std::vector<std::pair<std::string, std::uint64_t>> sum = kvm::read_stats(vm_.fd());
  const std::size_t of_vm = sum.size();
  for (const auto& vcpu : vcpus_) {
    const auto stats = kvm::read_stats(vcpu->vcpu().fd());
    for (std::size_t i = 0; i < stats.size(); ++i) {
      if (of_vm + i < sum.size()) {
        sum[of_vm + i].second += stats[i].second;
      } else {
        sum.push_back(stats[i]);
      }
    }
  }
  return sum;
}

ExitCounts Machine::exits() const noexcept { return sum_of_exits(vcpus_); }

std::optional<virtio::NetCounts> Machine::network_counts() const noexcept { return sum_of_counts(networks_); }

std::optional<virtio::BlkCounts> Machine::disk_counts() const noexcept { return sum_of_counts(disks_); }

}  // namespace mayfly::vmm
