// SPDX-License-Identifier: Apache-2.0
#include "vmm/passthrough.hpp"

#include <algorithm>
#include <future>
#include <utility>

#include "vfio/memlock.hpp"

namespace mayfly::vmm {
namespace {

/// IOMMU entries for BARs that other devices reach: each may be cut in two by its MSI-X table.
constexpr std::uint32_t kEntriesADevice = 12;

std::vector<vfio::HostDevice> require_all(const std::vector<PassedDevice>& devices,
                                          const vfio::HostPci& host) {
  std::vector<vfio::HostDevice> found;
  found.reserve(devices.size());
  for (const PassedDevice& device : devices) {
    found.push_back(vfio::require_assignable(host, device.address));
  }
  return found;
}

// Half of the processors: the others are the guest's, which runs meanwhile. More than a few only wait for
// each other's memory.
std::uint32_t populate_threads() noexcept {
  return std::clamp(std::thread::hardware_concurrency() / 2, 1U, 8U);
}

}  // namespace

Passthrough::Passthrough(const std::vector<PassedDevice>& devices, const DeviceMemory& memory, VmDown& down,
                         boot::BootTimeline& timeline)
    : memory_(memory), down_(down), timeline_(timeline) {
  const vfio::HostPci host;
  found_ = require_all(devices, host);
  backend_ = vfio::make_backend(vfio::open_files(devices.front().backend, host, found_), found_);
  for (std::size_t i = 0; i < devices.size(); ++i) {
    open_.push_back({to_string(devices[i].address), nullptr, devices[i].peers});
  }
  if (backend_->map_time() == vfio::Backend::MapTime::kBesideOpening) {
    begin_map();
  }
  thread_ = std::jthread([this] { run(); });
}

void Passthrough::run() noexcept {
  try {
    open_all();
    if (!map_.has_value()) {
      begin_map();
    }
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

void Passthrough::begin_map() {
  vfio::DmaMapConfig config;
  config.rules.pieces = vfio::PieceRules::for_pages(memory_.page_bytes);
  config.rules.pieces.window_bytes = align_up(memory_.window_bytes, memory_.page_bytes);
  config.rules.background = vfio::Background::kWhenTold;
  config.populate_threads = populate_threads();
  config.reserved_entries = kEntriesADevice * static_cast<std::uint32_t>(found_.size());
  config.memlock_limit = vfio::memlock_limit();
  const vfio::DmaMap::OnFailure on_failure{
      [](void* down) noexcept { static_cast<VmDown*>(down)->report(DownReason::kDmaMap); }, &down_};
  map_.emplace(*backend_, populate_, memory_.memory.regions(), config, on_failure);
  gate_.emplace(*map_);
}

std::vector<OpenDevice> Passthrough::wait() {
  thread_.join();
  if (failure_ != nullptr) {
    std::rethrow_exception(std::exchange(failure_, nullptr));
  }
  return std::move(open_);
}

}  // namespace mayfly::vmm
