// SPDX-License-Identifier: Apache-2.0
#include "broker/keeping.hpp"

#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "memory/layout.hpp"
#include "vfio/dma_failure.hpp"
#include "vfio/memlock.hpp"

namespace mayfly::broker {
namespace {

/// The kernel populates and maps so much in one go, with locks held: of the process's address space, and of
/// the devices'.
constexpr std::uint64_t kPopulateBytes = 8 * kMiB;
constexpr std::uint64_t kMapBytes = kGiB;

void require_going_on(const std::stop_token& stop) {
  if (stop.stop_requested()) {
    throw Error("ended while devices and memory were being made ready");
  }
}

/// Puts the devices into an address space that has all of the memory.
void map_for_devices(vfio::OpenedFiles& files, std::span<const vfio::HostDevice> devices,
                     std::span<std::byte> memory, const std::stop_token& stop) {
  const auto backend = vfio::make_backend(duplicate(files), devices);
  if (backend->map_time() == vfio::Backend::MapTime::kAfterOpening) {
    for (const vfio::HostDevice& device : devices) {
      static_cast<void>(backend->open(device));
    }
  }
  map_for_guest(*backend, memory, stop);
  files.ioas = backend->ioas();
}

}  // namespace

Kept keep(vfio::BackendChoice choice, const vfio::HostPci& host, std::span<const vfio::HostDevice> devices,
          const std::optional<MemoryKind>& memory, const std::stop_token& stop) {
  if (!memory.has_value()) {
    return {vfio::hold_devices(choice, host, devices), {}};
  }
  vfio::require_memlock(memory->bytes, vfio::memlock_limit());
  // What may be lacking for a while comes first: huge pages, then devices that the last tenant has not closed
  // yet. Filling takes the longest.
  Backing backing = make_lendable(*memory);
  Kept kept{vfio::hold_devices(choice, host, devices), {}};
  MadvisePopulate populate;
  fill(backing.bytes(), page_bytes(backing.pages()), populate, stop);
  map_for_devices(kept.devices.files, devices, backing.bytes(), stop);
  kept.memory = std::move(backing).take_file();
  return kept;
}

void fill(std::span<std::byte> memory, std::uint64_t page_bytes, Populate& populate,
          const std::stop_token& stop) {
  const std::uint64_t step = std::max(kPopulateBytes, page_bytes);
  for (std::uint64_t at = 0; at < memory.size(); at += step) {
    require_going_on(stop);
    const auto done = populate.populate(memory.data() + at, std::min(step, memory.size() - at));
    if (!done.has_value()) {
      throw Error(done.error().errno_value, "the host has not enough memory");
    }
  }
}

void map_for_guest(vfio::Iommu& iommu, std::span<std::byte> memory, const std::stop_token& stop) {
  const Layout layout(memory.size(), 0);
  std::byte* host = memory.data();
  for (const GuestRange& ram : layout.ram()) {
    for (std::uint64_t at = 0; at < ram.bytes; at += kMapBytes) {
      require_going_on(stop);
      const GuestRange piece{GuestAddress(ram.start.raw() + at), std::min(kMapBytes, ram.bytes - at)};
      const auto mapped = iommu.map(piece.start, host, piece.bytes, vfio::Access::kReadWrite);
      if (!mapped.has_value()) {
        throw Error(vfio::describe({vfio::DmaFailure::Step::kMap, mapped.error().errno_value, piece},
                                   iommu.name(), memory.size()));
      }
      host += piece.bytes;
    }
  }
}

}  // namespace mayfly::broker
