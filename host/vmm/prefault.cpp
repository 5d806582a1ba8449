// SPDX-License-Identifier: Apache-2.0
#include "vmm/prefault.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "memory/pieces.hpp"

namespace mayfly::vmm {
namespace {

/// Page tables of 4 KiB pages for 64 MiB are built in about a millisecond, and one piece is the least that a
/// thread waits for another at the end.
constexpr std::uint64_t kPieceBytes = 64 * kMiB;

/// The part of `regions`, one after the other, that is at [offset, offset + bytes).
template <typename Use>
void for_each_range(std::span<const GuestMemory::Region> regions, Piece piece, Use use) {
  for (const GuestMemory::Region& region : regions) {
    const std::uint64_t skipped = std::min(piece.offset, region.guest.bytes);
    const std::uint64_t bytes = std::min(piece.bytes, region.guest.bytes - skipped);
    if (bytes > 0) {
      use(GuestRange{GuestAddress(region.guest.start.raw() + skipped), bytes});
    }
    piece.offset -= skipped;
    piece.bytes -= bytes;
  }
}

}  // namespace

Result<std::uint64_t, kvm::PreFaultFault> build_tables(std::span<const GuestMemory::Region> regions,
                                                       std::span<const BuildTables> builders) {
  std::uint64_t total = 0;
  for (const GuestMemory::Region& region : regions) {
    total += region.guest.bytes;
  }
  Pieces pieces(total, kPieceBytes);
  std::atomic<std::uint64_t> mapped{0};
  std::atomic<int> refusal{0};
  const auto work = [&](const BuildTables& build) noexcept {
    while (const auto piece = pieces.take()) {
      for_each_range(regions, *piece, [&](GuestRange range) {
        if (const auto done = build(range); done.has_value()) {
          mapped.fetch_add(range.bytes, std::memory_order_relaxed);
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

Prefault::Prefault(const Backing& ram, boot::BootTimeline& timeline)
    : timeline_(timeline), all_(populate_, ram.bytes(), page_bytes(ram.pages()), threads_for_all_cpus()) {
  timeline_.mark(boot::Milestone::kPrefaultBegin);
}

void Prefault::finish(const GuestMemory& memory, std::span<const BuildTables> builders) {
  counts_.populate_threads = all_.threads();
  if (const auto done = all_.wait(); !done.has_value()) {
    throw Error(done.error().errno_value,
                done.error().errno_value == EINVAL
                    ? "this kernel cannot populate memory ahead (MADV_POPULATE_WRITE, Linux 5.14); leave "
                      "--prefault out"
                    : "the host cannot populate all of --memory (--prefault)");
  }
  timeline_.note(boot::Milestone::kPrefaultEnd, all_.end_ns());
  counts_.populated_bytes = all_.populated_bytes();
  const auto used = builders.first(std::min<std::size_t>(builders.size(), threads_for_all_cpus()));
  const auto mapped = build_tables(memory.regions(), used);
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
