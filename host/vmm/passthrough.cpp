// SPDX-License-Identifier: Apache-2.0
#include "vmm/passthrough.hpp"

#include <algorithm>
#include <future>
#include <span>
#include <utility>
#include <variant>

#include "base/error.hpp"
#include "broker/client.hpp"
#include "sandbox/sandbox.hpp"
#include "vfio/given_files.hpp"
#include "vfio/memlock.hpp"

namespace mayfly::vmm {
namespace {

/// IOMMU entries for BARs that other devices reach: each may be cut in two by its MSI-X table.
constexpr std::uint32_t kEntriesADevice = 12;

/// Address and group, of those that a broker is to lend: it has looked at them, and lends none that cannot be
/// passed through.
std::vector<vfio::HostDevice> require_all(const std::vector<PassedDevice>& devices,
                                          const vfio::HostPci& host) {
  std::vector<vfio::HostDevice> found;
  found.reserve(devices.size());
  for (const PassedDevice& device : devices) {
    const auto group =
        std::holds_alternative<AtBroker>(device.opener) ? host.group_of(device.address) : std::nullopt;
    found.push_back(group.has_value() ? vfio::HostDevice{.address = device.address, .group = group}
                                      : vfio::require_assignable(host, device.address));
  }
  return found;
}

/// Empty where devices were given without descriptors.
std::vector<vfio::GivenFiles> given_to(const std::vector<PassedDevice>& devices) {
  std::vector<vfio::GivenFiles> given;
  for (const PassedDevice& device : devices) {
    if (const auto* const files = std::get_if<vfio::GivenFiles>(&device.opener)) {
      given.push_back(*files);
    }
  }
  return given;
}

/// The devices' files, by whoever opens them; with the connection to the broker where that is one.
broker::Lease get_files(const std::vector<PassedDevice>& devices, const vfio::HostPci& host,
                        std::span<const vfio::HostDevice> found) {
  const PassedDevice& first = devices.front();
  if (const std::vector<vfio::GivenFiles> given = given_to(devices); !given.empty()) {
    broker::Lease files{{}, vfio::take_files(first.backend, given)};
    vfio::require_files(files.files, vfio::names_of(first.backend, given), host, found);
    return files;
  }
  if (const auto* const at = std::get_if<AtBroker>(&first.opener)) {
    std::vector<vfio::PciAddress> addresses;
    vfio::FileNames names{"what the broker at " + at->path + " lends as address space", {}};
    for (const vfio::HostDevice& device : found) {
      addresses.push_back(device.address);
      names.devices.push_back("what the broker at " + at->path + " lends as device " +
                              to_string(device.address));
    }
    broker::Lease lease = broker::take_devices(at->path, addresses);
    vfio::require_files(lease.files, names, host, found);
    return lease;
  }
  return {{}, vfio::open_files(first.backend, host, found)};
}

// Half of the processors: the others are the guest's, which runs meanwhile. More than a few only wait for
// each other's memory.
std::uint32_t populate_threads() noexcept {
  return std::clamp(std::thread::hardware_concurrency() / 2, 1U, 8U);
}

}  // namespace

void require_given(const std::vector<PassedDevice>& devices) {
  if (const std::vector<vfio::GivenFiles> given = given_to(devices); !given.empty()) {
    vfio::require_open(devices.front().backend, given);
  }
}

Passthrough::Passthrough(const std::vector<PassedDevice>& devices, const DeviceMemory& memory, VmDown& down,
                         boot::BootTimeline& timeline)
    : memory_(memory),
      opens_here_(std::holds_alternative<OpenHere>(devices.front().opener)),
      down_(down),
      timeline_(timeline) {
  const vfio::HostPci host;
  found_ = require_all(devices, host);
  broker::Lease lease = get_files(devices, host, found_);
  lease_ = std::move(lease.connection);
  backend_ = vfio::make_backend(std::move(lease.files), found_);
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const std::string name = to_string(devices[i].address);
    if (devices[i].peers == DevicePeers::kYes && backend_->maps_bars() == vfio::Backend::MapsBars::kNo) {
      throw Error("other devices cannot reach the BARs of device " + name + " by " +
                  std::string(backend_->name()) + "; leave out peers=yes, or use iommu=type1");
    }
    open_.push_back({name, nullptr, devices[i].peers, devices[i].intx});
  }
  if (backend_->map_time() == vfio::Backend::MapTime::kBesideOpening) {
    begin_map();
  }
  // A broker's devices are reset, and open in no time.
  if (lease_) {
    open_all(std::launch::deferred);
    return;
  }
  thread_ = std::jthread([this] {
    try {
      open_all(found_.size() > 1 ? std::launch::async : std::launch::deferred);
    } catch (...) {
      failure_ = std::current_exception();
    }
  });
}

void Passthrough::open_all(std::launch how) {
  timeline_.mark(boot::Milestone::kOpenBegin);
  std::vector<std::future<std::unique_ptr<vfio::DeviceAccess>>> opening;
  for (const vfio::HostDevice& device : found_) {
    opening.push_back(std::async(how, [this, &device] { return backend_->open(device); }));
  }
  for (std::size_t i = 0; i < opening.size(); ++i) {
    open_[i].access = opening[i].get();
  }
  timeline_.mark(boot::Milestone::kOpenEnd);
  if (!map_.has_value()) {
    begin_map();
  }
}

void Passthrough::begin_map() {
  vfio::DmaMapConfig config;
  config.rules.pieces = vfio::PieceRules::for_pages(memory_.page_bytes);
  if (memory_.window_bytes) {
    config.rules.pieces.window_bytes = align_up(*memory_.window_bytes, memory_.page_bytes);
  } else if (!opens_here_ && std::thread::hardware_concurrency() == 1) {
    // Nothing sleeps meanwhile, as it does in a reset: the guest could run.
    config.rules.pieces.window_bytes = 0;
  }
  // A device sleeps for most of the time that it takes to open.
  config.rules.background =
      opens_here_ && !memory_.window_bytes ? vfio::Background::kAhead : vfio::Background::kWhenTold;
  config.populate_threads = populate_threads();
  config.reserved_entries = kEntriesADevice * static_cast<std::uint32_t>(found_.size());
  config.memlock_limit = vfio::memlock_limit();
  config.thread_starts = []() noexcept { sandbox::confine_thread(sandbox::ThreadKind::kMapper); };
  const vfio::DmaMap::OnFailure on_failure{
      [](void* down) noexcept { static_cast<VmDown*>(down)->report(DownReason::kDmaMap); }, &down_};
  map_.emplace(*backend_, populate_, memory_.memory.regions(), config, on_failure);
  gate_.emplace(*map_);
}

bool Passthrough::may_use_pins() const noexcept {
  return !lease_ || std::ranges::any_of(open_, [](const OpenDevice& device) {
    return vfio::has_intx(*device.access, device.intx);
  });
}

std::vector<OpenDevice> Passthrough::wait() {
  if (thread_.joinable()) {
    thread_.join();
  }
  if (failure_ != nullptr) {
    std::rethrow_exception(std::exchange(failure_, nullptr));
  }
  map_->pause_background();
  return std::move(open_);
}

}  // namespace mayfly::vmm
