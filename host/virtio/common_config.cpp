// SPDX-License-Identifier: Apache-2.0
#include "virtio/common_config.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/error.hpp"

namespace mayfly::virtio {
namespace {

/// struct virtio_pci_common_cfg (4.1.4.3).
struct Layout {
  std::uint32_t device_feature_select;  //  0
  std::uint32_t device_feature;         //  4
  std::uint32_t driver_feature_select;  //  8
  std::uint32_t driver_feature;         // 12
  std::uint16_t config_msix_vector;     // 16
  std::uint16_t num_queues;             // 18
  std::uint8_t device_status;           // 20
  std::uint8_t config_generation;       // 21
  std::uint16_t queue_select;           // 22
  std::uint16_t queue_size;             // 24
  std::uint16_t queue_msix_vector;      // 26
  std::uint16_t queue_enable;           // 28
  std::uint16_t queue_notify_off;       // 30
  std::uint32_t queue_desc[2];          // 32
  std::uint32_t queue_driver[2];        // 40
  std::uint32_t queue_device[2];        // 48
  std::uint16_t queue_notify_data;      // 56
  std::uint16_t queue_reset;            // 58
};
static_assert(sizeof(Layout) == CommonConfig::kBytes && offsetof(Layout, queue_desc) == 32);

std::uint32_t half(std::uint64_t value, std::uint32_t select) noexcept {
  return select < 2 ? static_cast<std::uint32_t>(value >> (32U * select)) : 0;
}

void set_half(std::uint64_t& value, std::uint64_t select, std::uint32_t half_value) noexcept {
  const std::uint64_t shift = 32U * select;
  value = (value & ~(0xffffffffULL << shift)) | std::uint64_t{half_value} << shift;
}

}  // namespace

CommonConfig::CommonConfig(VirtioDevice& device, GuestMemory& memory, DriverLink& link, std::uint16_t vectors)
    : device_(device),
      memory_(memory),
      link_(link),
      vectors_(vectors),
      setups_(device.queue_sizes().size()),
      queues_(device.queue_sizes().size()) {
  for (const std::uint16_t size : device.queue_sizes()) {
    MAYFLY_ASSERT(std::has_single_bit(size) && size <= VirtQueue::kSizeMax);
  }
  reset();
}

void CommonConfig::read(std::uint64_t offset, std::span<std::byte> data) const noexcept {
  Layout image{};
  image.device_feature_select = device_feature_select_;
  image.device_feature = half(offered(), device_feature_select_);
  image.driver_feature_select = driver_feature_select_;
  image.driver_feature = half(driver_features_, driver_feature_select_);
  image.config_msix_vector = config_vector_;
  image.num_queues = queue_count();
  image.device_status = status_;
  image.config_generation = generation_;
  image.queue_select = queue_select_;
  // 4.1.4.3: "a queue_size of 0 means that the queue is unavailable".
  if (queue_select_ < setups_.size()) {
    const Setup& setup = setups_[queue_select_];
    image.queue_size = setup.size;
    image.queue_msix_vector = setup.vector;
    image.queue_enable = setup.enabled ? 1 : 0;
    image.queue_notify_off = queue_select_;
    for (std::uint32_t i = 0; i < 2; ++i) {
      image.queue_desc[i] = half(setup.descriptors, i);
      image.queue_driver[i] = half(setup.driver_area, i);
      image.queue_device[i] = half(setup.device_area, i);
    }
  }
  if (offset < kBytes) {
    const std::size_t bytes = std::min<std::size_t>(data.size(), kBytes - offset);
    std::memcpy(data.data(), std::as_bytes(std::span(&image, 1)).data() + offset, bytes);
  }
}

void CommonConfig::write(std::uint64_t offset, std::span<const std::byte> data) noexcept {
  // 4.1.3.1: the driver MUST access each field with its own width, 64-bit ones as two halves.
  std::uint32_t value = 0;
  if (data.size() > sizeof(value)) {
    return;
  }
  std::memcpy(&value, data.data(), data.size());
  switch (data.size()) {
    case 1:
      write_field(offset, static_cast<std::uint8_t>(value));
      break;
    case 2:
      write_field(offset, static_cast<std::uint16_t>(value));
      break;
    case 4:
      write_field(offset, value);
      break;
    default:
      break;
  }
}

void CommonConfig::write_field(std::uint64_t offset, std::uint8_t value) noexcept {
  if (offset == offsetof(Layout, device_status)) {
    write_status(value);
  }
}

void CommonConfig::write_field(std::uint64_t offset, std::uint16_t value) noexcept {
  switch (offset) {
    case offsetof(Layout, config_msix_vector):
      config_vector_ = valid_vector(value);
      break;
    case offsetof(Layout, queue_select):
      queue_select_ = value;
      break;
    case offsetof(Layout, queue_msix_vector):
      if (queue_select_ < setups_.size()) {
        setups_[queue_select_].vector = valid_vector(value);
      }
      break;
    case offsetof(Layout, queue_size):
      if (Setup* setup = open_setup();
          setup != nullptr && std::has_single_bit(value) && value <= device_.queue_sizes()[queue_select_]) {
        setup->size = value;
      }
      break;
    case offsetof(Layout, queue_enable):
      // 4.1.4.3.2: the driver MUST NOT write a 0.
      if (Setup* setup = open_setup(); setup != nullptr && value == 1) {
        setup->enabled = true;
      }
      break;
    default:
      break;
  }
}

void CommonConfig::write_field(std::uint64_t offset, std::uint32_t value) noexcept {
  switch (offset) {
    case offsetof(Layout, device_feature_select):
      device_feature_select_ = value;
      break;
    case offsetof(Layout, driver_feature_select):
      driver_feature_select_ = value;
      break;
    case offsetof(Layout, driver_feature):
      write_driver_features(value);
      break;
    default:
      write_queue_address(offset, value);
      break;
  }
}

void CommonConfig::write_driver_features(std::uint32_t value) noexcept {
  // 3.1.1: between DRIVER and FEATURES_OK, and not after (2.2.1).
  if ((status_ & (kStatusDriver | kStatusFeaturesOk)) == kStatusDriver && driver_feature_select_ < 2) {
    set_half(driver_features_, driver_feature_select_, value);
  }
}

void CommonConfig::write_queue_address(std::uint64_t offset, std::uint32_t value) noexcept {
  Setup* setup = open_setup();
  if (setup == nullptr || offset % 4 != 0) {
    return;
  }
  const std::uint64_t select = offset / 4 % 2;
  switch (offset & ~std::uint64_t{7}) {
    case offsetof(Layout, queue_desc):
      set_half(setup->descriptors, select, value);
      break;
    case offsetof(Layout, queue_driver):
      set_half(setup->driver_area, select, value);
      break;
    case offsetof(Layout, queue_device):
      set_half(setup->device_area, select, value);
      break;
    default:
      break;
  }
}

CommonConfig::Setup* CommonConfig::open_setup() noexcept {
  const bool open = (status_ & (kStatusFeaturesOk | kStatusDriverOk)) == kStatusFeaturesOk;
  if (!open || queue_select_ >= setups_.size() || setups_[queue_select_].enabled) {
    return nullptr;
  }
  return &setups_[queue_select_];
}

std::uint16_t CommonConfig::valid_vector(std::uint16_t vector) const noexcept {
  return vector < vectors_ ? vector : kNoVector;
}

bool CommonConfig::features_acceptable() const noexcept {
  return (driver_features_ & ~offered()) == 0 && (driver_features_ & kFeatureVersion1) != 0;
}

void CommonConfig::write_status(std::uint8_t value) noexcept {
  if (value == 0) {
    reset();
    return;
  }
  if ((value & kStatusFailed) != 0) {
    status_ |= kStatusFailed;
    return;
  }
  constexpr std::uint8_t kAcknowledged = kStatusAcknowledge;
  constexpr std::uint8_t kDriven = kAcknowledged | kStatusDriver;
  constexpr std::uint8_t kNegotiated = kDriven | kStatusFeaturesOk;
  constexpr std::uint8_t kRunning = kNegotiated | kStatusDriverOk;
  // DEVICE_NEEDS_RESET is ours; a driver that writes back what it read may carry it.
  const auto wanted = static_cast<std::uint8_t>(value & ~kStatusNeedsReset);
  // 2.2.2: the driver reads FEATURES_OK back to learn whether we accept.
  const bool step = (status_ == 0 && wanted == kAcknowledged) ||
                    (status_ == kAcknowledged && wanted == kDriven) ||
                    (status_ == kDriven && wanted == kNegotiated && features_acceptable());
  if (step) {
    status_ = wanted;
  } else if (status_ == kNegotiated && wanted == kRunning) {
    start();
  }
}

void CommonConfig::start() noexcept {
  status_ |= kStatusDriverOk;
  for (std::uint16_t i = 0; i < queue_count(); ++i) {
    const Setup& setup = setups_[i];
    if (!setup.enabled) {
      continue;
    }
    auto queue = VirtQueue::create({.index = i,
                                    .size = setup.size,
                                    .descriptors = GuestAddress(setup.descriptors),
                                    .driver_area = GuestAddress(setup.driver_area),
                                    .device_area = GuestAddress(setup.device_area)},
                                   driver_features_, memory_, link_);
    if (!queue) {
      link_.needs_reset(i, queue.error());
      return;
    }
    queues_[i] = *queue;
  }
  device_.activate({.features = driver_features_, .queues = queues_, .link = &link_});
}

void CommonConfig::reset() noexcept {
  device_.reset();
  const std::span<const std::uint16_t> sizes = device_.queue_sizes();
  for (std::size_t i = 0; i < setups_.size(); ++i) {
    setups_[i] = {.size = sizes[i]};
    queues_[i] = VirtQueue();
  }
  device_feature_select_ = 0;
  driver_feature_select_ = 0;
  driver_features_ = 0;
  config_vector_ = kNoVector;
  queue_select_ = 0;
  status_ = 0;
  generation_ = 0;
}

}  // namespace mayfly::virtio
