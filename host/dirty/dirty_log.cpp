// SPDX-License-Identifier: Apache-2.0
#include "dirty/dirty_log.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace mayfly::dirty {
namespace {

std::uint64_t pages_of(std::span<const LoggedSlot> slots) noexcept {
  std::uint64_t pages = 0;
  for (const LoggedSlot& slot : slots) {
    pages += slot.memory.guest.bytes / DirtyLog::kPageBytes;
  }
  return pages;
}

}  // namespace

DirtyLog::DirtyLog(kvm::Vm& vm, std::span<const LoggedSlot> slots, std::span<const kvm::Vcpu* const> vcpus,
                   std::uint32_t ring_entries)
    : vm_(vm), written_(pages_of(slots)) {
  std::uint64_t page = 0;
  for (const LoggedSlot& slot : slots) {
    slots_.push_back({slot, page});
    page += slot.memory.guest.bytes / kPageBytes;
  }
  for (const kvm::Vcpu* vcpu : vcpus) {
    rings_.push_back(std::make_unique<Ring>(*vcpu, ring_entries));
  }
}

void DirtyLog::log_writes(bool on) {
  for (const First& first : slots_) {
    const GuestMemory::Region& memory = first.slot.memory;
    vm_.log_writes(first.slot.slot, memory.guest.start.raw(), memory.host, memory.guest.bytes, on);
  }
}

void DirtyLog::start() { log_writes(true); }

void DirtyLog::stop() { log_writes(false); }

void DirtyLog::tell(std::span<const kvm::DirtyPage> taken) noexcept {
  for (const kvm::DirtyPage& page : taken) {
    const auto of = std::find_if(slots_.begin(), slots_.end(),
                                 [&](const First& first) { return first.slot.slot == page.slot; });
    if (of != slots_.end()) {
      written_.insert(of->page + page.page);
    }
  }
}

void DirtyLog::make_room(std::size_t index) {
  Ring& own = *rings_.at(index);
  const std::lock_guard lock(own.mutex);
  const std::size_t count = own.ring.take(own.taken);
  vm_.reset_dirty_rings();
  tell(std::span(own.taken).first(count));
}

void DirtyLog::collect(PageSet& pages) {
  {
    // One reset for all: each may interrupt every vCPU. A vCPU holds its own ring's lock and asks for no
    // other.
    std::vector<std::unique_lock<std::mutex>> locks;
    std::vector<std::size_t> counts;
    for (const auto& ring : rings_) {
      locks.emplace_back(ring->mutex);
      counts.push_back(ring->ring.take(ring->taken));
    }
    vm_.reset_dirty_rings();
    for (std::size_t i = 0; i < rings_.size(); ++i) {
      tell(std::span(rings_[i]->taken).first(counts[i]));
    }
  }
  written_.take(pages);
}

}  // namespace mayfly::dirty
