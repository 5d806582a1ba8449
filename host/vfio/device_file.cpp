// SPDX-License-Identifier: Apache-2.0
#include "vfio/device_file.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include <sys/ioctl.h>
#include <sys/mman.h>

#include "base/error.hpp"
#include "base/positioned_io.hpp"
#include "vfio/abi.hpp"
#include "vfio/region_capabilities.hpp"

namespace mayfly::vfio {
namespace {

/// What set_events() hands over in one go, so that no vCPU thread allocates: MSI-X has no more vectors.
constexpr std::size_t kEventsMax = 2048;

static_assert(sizeof(int) == sizeof(std::int32_t));

vfio_irq_set irq_set(Interrupts kind, std::uint32_t flags, std::uint32_t first, std::size_t count) noexcept {
  vfio_irq_set request{};
  request.argsz = static_cast<std::uint32_t>(sizeof(request) + count * sizeof(std::int32_t));
  request.flags = flags;
  request.index = static_cast<std::uint32_t>(kind);
  request.start = first;
  request.count = static_cast<std::uint32_t>(count);
  return request;
}

/// All zero where there is none.
vfio_irq_info irq_info(int fd, Interrupts kind) noexcept {
  vfio_irq_info info{};
  info.argsz = sizeof(info);
  info.index = static_cast<std::uint32_t>(kind);
  return ::ioctl(fd, VFIO_DEVICE_GET_IRQ_INFO, &info) == 0 ? info : vfio_irq_info{};
}

bool hand_over(int fd, Interrupts kind, std::uint32_t action, std::uint32_t first,
               std::span<const int> events) noexcept {
  MAYFLY_ASSERT(!events.empty() && events.size() <= kEventsMax);
  alignas(vfio_irq_set) std::array<std::byte, sizeof(vfio_irq_set) + kEventsMax * sizeof(int)> request;
  const vfio_irq_set head = irq_set(kind, VFIO_IRQ_SET_DATA_EVENTFD | action, first, events.size());
  std::memcpy(request.data(), &head, sizeof(head));
  std::memcpy(request.data() + sizeof(head), events.data(), events.size_bytes());
  return ::ioctl(fd, VFIO_DEVICE_SET_IRQS, request.data()) == 0;
}

}  // namespace

DeviceFile::DeviceFile(Fd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {
  vfio_device_info info{};
  info.argsz = sizeof(info);
  if (::ioctl(fd_.get(), VFIO_DEVICE_GET_INFO, &info) < 0) {
    fail_errno("VFIO does not tell about device " + name_);
  }
  if ((info.flags & VFIO_DEVICE_FLAGS_PCI) == 0 || info.num_regions < kRegions) {
    throw Error("device " + name_ + " is no PCI device to VFIO");
  }
  for (std::uint32_t index = 0; index < kRegions; ++index) {
    vfio_region_info region{};
    region.argsz = sizeof(region);
    region.index = index;
    if (::ioctl(fd_.get(), VFIO_DEVICE_GET_REGION_INFO, &region) == 0) {
      offsets_[index] = region.offset;
    }
  }
}

Region DeviceFile::region(std::uint32_t index) const {
  MAYFLY_ASSERT(index < kRegions);
  std::vector<std::byte> bytes(sizeof(vfio_region_info));
  vfio_region_info info{};
  // Once to learn how long it is, and once for the whole with its capabilities.
  for (int round = 0; round < 2; ++round) {
    info = {};
    info.argsz = static_cast<std::uint32_t>(bytes.size());
    info.index = index;
    std::memcpy(bytes.data(), &info, sizeof(info));
    if (::ioctl(fd_.get(), VFIO_DEVICE_GET_REGION_INFO, bytes.data()) < 0) {
      fail_errno("VFIO does not tell about region " + std::to_string(index) + " of device " + name_);
    }
    std::memcpy(&info, bytes.data(), sizeof(info));
    if (info.argsz <= bytes.size()) {
      break;
    }
    bytes.resize(info.argsz);
  }
  Region region{.bytes = info.size};
  if ((info.flags & VFIO_REGION_INFO_FLAG_MMAP) != 0 && info.size > 0) {
    region.mappable = mappable_areas(bytes);
  }
  return region;
}

bool DeviceFile::read(std::uint32_t region, std::uint64_t offset, std::span<std::byte> data) noexcept {
  return read_at(fd_.get(), data, offsets_[region] + offset) == static_cast<ssize_t>(data.size());
}

bool DeviceFile::write(std::uint32_t region, std::uint64_t offset, std::span<const std::byte> data) noexcept {
  return write_at(fd_.get(), data, offsets_[region] + offset) == static_cast<ssize_t>(data.size());
}

Mapping DeviceFile::map(std::uint32_t region, const Area& area) {
  void* const address = ::mmap(nullptr, area.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(),
                               static_cast<off_t>(offsets_[region] + area.offset));
  if (address == MAP_FAILED) {
    fail_errno("cannot map BAR " + std::to_string(region) + " of device " + name_);
  }
  return {address, area.bytes};
}

std::uint32_t DeviceFile::interrupt_count(Interrupts kind) const noexcept {
  const vfio_irq_info info = irq_info(fd_.get(), kind);
  return (info.flags & VFIO_IRQ_INFO_EVENTFD) != 0
             ? std::min(info.count, static_cast<std::uint32_t>(kEventsMax))
             : 0;
}

bool DeviceFile::interrupts_grow(Interrupts kind) const noexcept {
  const vfio_irq_info info = irq_info(fd_.get(), kind);
  return info.count > 0 && (info.flags & VFIO_IRQ_INFO_NORESIZE) == 0;
}

bool DeviceFile::set_events(Interrupts kind, std::uint32_t first, std::span<const int> events) noexcept {
  return hand_over(fd_.get(), kind, VFIO_IRQ_SET_ACTION_TRIGGER, first, events);
}

bool DeviceFile::set_unmask_event(int ended) noexcept {
  return hand_over(fd_.get(), Interrupts::kIntx, VFIO_IRQ_SET_ACTION_UNMASK, 0, {&ended, 1});
}

void DeviceFile::disable(Interrupts kind) noexcept {
  const vfio_irq_set request = irq_set(kind, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER, 0, 0);
  (void)::ioctl(fd_.get(), VFIO_DEVICE_SET_IRQS, &request);  // Refused only where it was not enabled.
}

}  // namespace mayfly::vfio
