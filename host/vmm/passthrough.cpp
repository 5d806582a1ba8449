// SPDX-License-Identifier: Apache-2.0
#include "vmm/passthrough.hpp"

#include <algorithm>
#include <future>
#include <span>
#include <utility>
#include <variant>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "memory/region_parts.hpp"
#include "sandbox/sandbox.hpp"
#include "vfio/memlock.hpp"
#include "vmm/thread_priority.hpp"

namespace mayfly::vmm {
namespace {

/// IOMMU entries for BARs that other devices reach: each may be cut in two by its MSI-X table.
constexpr std::uint32_t kEntriesADevice = 12;

// Half of the processors: the others are the guest's, which runs meanwhile. More than a few only wait for
// each other's memory.
std::uint32_t populate_threads() noexcept {
  return std::clamp(std::thread::hardware_concurrency() / 2, 1U, 8U);
}

}  // namespace

Passthrough::Passthrough(const std::vector<PassedDevice>& devices, DeviceFiles files,
                         const DeviceMemory& memory, VmDown& down, boot::BootTimeline& timeline)
    : memory_(memory),
      opens_here_(std::holds_alternative<OpenHere>(devices.front().opener)),
      down_(down),
      timeline_(timeline),
      found_(std::move(files.devices)),
      lease_(std::move(files.lease.connection)),
      backend_(vfio::make_backend(std::move(files.lease.files), found_)) {
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const std::string name = to_string(devices[i].address);
    if (devices[i].peers == DevicePeers::kYes && backend_->maps_bars() == vfio::Backend::MapsBars::kNo) {
      throw Error("other devices cannot reach the BARs of device " + name + " by " +
                  std::string(backend_->name()) + "; leave out peers=yes, or use iommu=type1");
    }
    open_.push_back({name, nullptr, devices[i].peers, devices[i].intx});
  }
  if (!lease_) {
    // Before the map's threads, which would keep it from the processor until a tick, and a reset is the
    // longest.
    thread_ = std::jthread([this] {
      try {
        {
          const GoFirst first;  // and whom it starts
          open_all(found_.size() > 1 ? std::launch::async : std::launch::deferred);
        }
        begin_map_at(vfio::Backend::MapTime::kAfterOpening);
      } catch (...) {
        failure_ = std::current_exception();
      }
    });
  }
  if (memory_.is_mapped) {
    gate_ = std::make_unique<vfio::OpenGate>();
    mapped_ns_ = monotonic_ns();
  }
  begin_map_at(vfio::Backend::MapTime::kBesideOpening);
  // A broker's devices are reset, and open in no time.
  if (lease_) {
    open_all(std::launch::deferred);
    begin_map_at(vfio::Backend::MapTime::kAfterOpening);
  }
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
}

void Passthrough::begin_map_at(vfio::Backend::MapTime time) {
  if (memory_.is_mapped || backend_->map_time() != time) {
    return;
  }
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
  gate_ = std::make_unique<vfio::DmaGate>(*map_);
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
  if (map_.has_value()) {
    map_->pause_background();
  }
  return std::move(open_);
}

void Passthrough::guest_starts() {
  if (map_.has_value()) {
    map_->guest_starts();
  }
}

void Passthrough::on_ready() noexcept {
  if (map_.has_value()) {
    map_->begin_background();
  }
}

void Passthrough::request_stop() noexcept {
  if (map_.has_value()) {
    map_->request_stop();
  }
}

vfio::DmaCounters Passthrough::counters() const noexcept {
  if (map_.has_value()) {
    return map_->counters();
  }
  vfio::DmaCounters counts;
  counts.ram_bytes = total_bytes(memory_.memory.regions());
  counts.populated_bytes = counts.ram_bytes;
  counts.mapped_bytes = counts.ram_bytes;
  counts.foreground_bytes = counts.ram_bytes;
  counts.settled_ns = mapped_ns_;
  counts.all_mapped_ns = mapped_ns_;
  return counts;
}

}  // namespace mayfly::vmm
