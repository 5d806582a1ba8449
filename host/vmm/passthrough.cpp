// SPDX-License-Identifier: Apache-2.0
#include "vmm/passthrough.hpp"

#include <cerrno>
#include <future>
#include <utility>

#include "base/error.hpp"
#include "vfio/memlock.hpp"

namespace mayfly::vmm {
namespace {

std::vector<vfio::HostDevice> require_all(const std::vector<PassedDevice>& devices,
                                          const vfio::HostPci& host) {
  std::vector<vfio::HostDevice> found;
  found.reserve(devices.size());
  for (const PassedDevice& device : devices) {
    found.push_back(vfio::require_assignable(host, device.address));
  }
  return found;
}

std::uint64_t bytes_of(const GuestMemory& memory) noexcept {
  std::uint64_t bytes = 0;
  for (const GuestMemory::Region& region : memory.regions()) {
    bytes += region.guest.bytes;
  }
  return bytes;
}

}  // namespace

Passthrough::Passthrough(const std::vector<PassedDevice>& devices, const GuestMemory& memory,
                         boot::BootTimeline& timeline)
    : memory_(memory), timeline_(timeline) {
  const vfio::HostPci host;
  found_ = require_all(devices, host);
  vfio::require_memlock(bytes_of(memory), vfio::memlock_limit());
  backend_ = vfio::make_backend(devices.front().backend, host, found_);
  for (std::size_t i = 0; i < devices.size(); ++i) {
    open_.push_back({to_string(devices[i].address), nullptr, devices[i].peers});
  }
  thread_ = std::jthread([this] { run(); });
}

void Passthrough::run() noexcept {
  try {
    if (backend_->map_time() == vfio::Backend::MapTime::kAfterOpening) {
      open_all();
      map_all();
      return;
    }
    auto opening = std::async(std::launch::async, [this] { open_all(); });
    map_all();
    opening.get();
  } catch (...) {
    failure_ = std::current_exception();
  }
}

void Passthrough::open_all() {
  timeline_.mark(boot::Milestone::kOpenBegin);
  std::vector<std::future<std::unique_ptr<vfio::DeviceAccess>>> opening;
  for (const vfio::HostDevice& device : found_) {
    opening.push_back(std::async(std::launch::async, [this, &device] { return backend_->open(device); }));
  }
  for (std::size_t i = 0; i < opening.size(); ++i) {
    open_[i].access = opening[i].get();
  }
  timeline_.mark(boot::Milestone::kOpenEnd);
}

void Passthrough::map_all() {
  timeline_.mark(boot::Milestone::kDmaMapBegin);
  for (const GuestMemory::Region& region : memory_.regions()) {
    const auto mapped =
        backend_->map(region.guest.start, region.host, region.guest.bytes, vfio::Access::kReadWrite);
    if (!mapped.has_value()) {
      const int failure = mapped.error().errno_value;
      throw Error(failure, "the host cannot map " + std::to_string(region.guest.bytes / kMiB) +
                               " MiB of guest memory for devices" +
                               (failure == ENOMEM ? "; " + vfio::memlock_advice(bytes_of(memory_)) : ""));
    }
  }
  timeline_.mark(boot::Milestone::kDmaMapEnd);
}

std::vector<OpenDevice> Passthrough::wait() {
  thread_.join();
  if (failure_ != nullptr) {
    std::rethrow_exception(std::exchange(failure_, nullptr));
  }
  return std::move(open_);
}

}  // namespace mayfly::vmm
