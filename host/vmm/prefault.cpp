// SPDX-License-Identifier: Apache-2.0
#include "vmm/prefault.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "memory/region_parts.hpp"

namespace mayfly::vmm {
namespace {

/// Page tables of 4 KiB pages for 64 MiB are built in about a millisecond, and one piece is the least that a
/// thread waits for another at the end.
constexpr std::uint64_t kPieceBytes = 64 * kMiB;

}  // namespace

Result<std::uint64_t, kvm::PreFaultFault> build_tables(std::span<const GuestMemory::Region> regions,
                                                       std::span<const BuildTables> builders) {
  Pieces pieces(total_bytes(regions), kPieceBytes);
  std::atomic<std::uint64_t> mapped{0};
  std::atomic<int> refusal{0};
  const auto work = [&](const BuildTables& build) noexcept {
    while (const auto piece = pieces.take()) {
      for_each_part(regions, *piece, [&](const GuestMemory::Region& part) {
        if (const auto done = build(part.guest); done.has_value()) {
          mapped.fetch_add(part.guest.bytes, std::memory_order_relaxed);
        } else {
          refusal.store(done.error().errno_value, std::memory_order_relaxed);
          pieces.stop();
        }
      });
    }
  };
  {
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < builders.size(); ++i) {
      others.emplace_back([&, i] { work(builders[i]); });
    }
    if (!builders.empty()) {
      work(builders.front());
    }
  }
  if (const int why = refusal.load(std::memory_order_relaxed); why != 0) {
    return unexpected(kvm::PreFaultFault{why});
  }
  return mapped.load(std::memory_order_relaxed);
}

Prefault::Prefault(std::span<const GuestMemory::Region> memory, Pages pages, boot::BootTimeline& timeline)
    : timeline_(timeline),
      memory_(memory.begin(), memory.end()),
      all_(populate_, memory_, page_bytes(pages), threads_for_all_cpus()) {
  timeline_.mark(boot::Milestone::kPrefaultBegin);
}

void Prefault::finish(std::span<const BuildTables> builders) {
  counts_.populate_threads = all_.threads();
  if (const auto done = all_.wait(); !done.has_value()) {
    throw Error(done.error().errno_value,
                done.error().errno_value == EINVAL
                    ? "this kernel cannot populate memory ahead (MADV_POPULATE_WRITE, Linux 5.14); leave "
                      "--prefault out"
                    : "the host cannot populate that much of --memory (--prefault)");
  }
  timeline_.note(boot::Milestone::kPrefaultEnd, all_.end_ns());
  counts_.populated_bytes = all_.populated_bytes();
  const auto used = builders.first(std::min<std::size_t>(builders.size(), threads_for_all_cpus()));
  const auto mapped = build_tables(memory_, used);
  if (mapped.has_value()) {
    counts_.mapped_bytes = *mapped;
    counts_.map_threads = static_cast<std::uint32_t>(used.size());
  } else if (mapped.error().errno_value != EOPNOTSUPP) {
    throw Error(
        mapped.error().errno_value,
        "KVM cannot build the guest's page tables ahead (KVM_PRE_FAULT_MEMORY); leave --prefault out");
  }
  timeline_.mark(boot::Milestone::kPrefaulted);
}

std::vector<BuildTables> table_builders(const kvm::Vm& vm, std::span<const kvm::Vcpu* const> vcpus) {
  std::vector<BuildTables> builders;
  if (kvm::can_pre_fault(vm)) {
    for (const kvm::Vcpu* vcpu : vcpus) {
      builders.emplace_back(
          [vcpu](GuestRange range) { return kvm::pre_fault(*vcpu, range.start.raw(), range.bytes); });
    }
  }
  return builders;
}

}  // namespace mayfly::vmm
