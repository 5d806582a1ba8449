// SPDX-License-Identifier: Apache-2.0
#include "virtio/pci_transport.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <utility>

#include "base/checked.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"

namespace mayfly::virtio {
namespace {

constexpr std::uint64_t kPage = 0x1000;
constexpr std::uint32_t kCommonAt = 0x0000;
constexpr std::uint32_t kDeviceConfigAt = 0x0200;
constexpr std::uint32_t kDeviceConfigBytesMax = 0x0e00;
// Alone on its page: PCI 3.0, 6.8.2.
constexpr std::uint32_t kMsixTableAt = 0x1000;
constexpr std::uint32_t kMsixPbaAt = 0x1800;
// As many as one read of the pending bits has.
constexpr std::uint16_t kVectorsMax = 64;
constexpr std::uint32_t kShownBytes = 0x2000;
constexpr std::uint32_t kIsrAt = 0x3000;
constexpr std::uint64_t kBarBytes = 0x4000;

// 4.1.2
constexpr std::uint16_t kVendor = 0x1af4;
constexpr std::uint16_t kDeviceBase = 0x1040;
constexpr std::uint8_t kRevision = 1;

constexpr std::uint8_t kIsrQueue = 1;
constexpr std::uint8_t kIsrConfig = 2;

/// struct virtio_pci_cap without its first two bytes (4.1.4), and what some kinds append.
struct Capability {
  std::uint8_t cap_bytes;               //  2
  std::uint8_t kind;                    //  3
  std::uint8_t bar;                     //  4
  std::uint8_t id;                      //  5
  std::array<std::uint8_t, 2> padding;  //  6
  std::uint32_t offset;                 //  8
  std::uint32_t bytes;                  // 12
  std::uint32_t tail;                   // 16: notify_off_multiplier or pci_cfg_data
} __attribute__((packed));
static_assert(sizeof(Capability) == 18);

constexpr std::uint8_t kVendorCapability = 0x09;
constexpr std::size_t kCapabilityBar = 4;
constexpr std::size_t kCapabilityOffset = 8;
constexpr std::size_t kCapabilityBytes = 12;
constexpr std::size_t kCapabilityTail = 16;
enum class Kind : std::uint8_t { kCommon = 1, kNotify = 2, kIsr = 3, kDevice = 4, kConfigAccess = 5 };

std::uint32_t class_code(DeviceId id) noexcept {
  switch (id) {
    case DeviceId::kNet:
      return 0x020000;  // Ethernet controller.
    case DeviceId::kBlock:
      return 0x018000;  // Mass storage controller, other.
    case DeviceId::kConsole:
      return 0x078000;  // Communication controller, other.
    case DeviceId::kPmem:
      return 0x058000;  // Memory controller, other.
    case DeviceId::kEntropy:
    case DeviceId::kBalloon:
    case DeviceId::kSocket:
      break;
  }
  return 0xff0000;  // Fits no class.
}

pci::Identity identity(DeviceId id) noexcept {
  const auto number = static_cast<std::uint16_t>(id);
  return {.vendor = kVendor,
          .device = static_cast<std::uint16_t>(kDeviceBase + number),
          .class_code = class_code(id),
          .revision = kRevision,
          .subsystem_vendor = kVendor,
          .subsystem = static_cast<std::uint16_t>(kDeviceBase + number)};
}

std::uint8_t add_capability(pci::ConfigSpace& config, Kind kind, std::uint32_t offset,
                            std::uint32_t bytes) noexcept {
  const Capability body{.cap_bytes = 16,
                        .kind = static_cast<std::uint8_t>(kind),
                        .bar = 0,
                        .id = 0,
                        .padding = {},
                        .offset = offset,
                        .bytes = bytes,
                        .tail = 0};
  return config.add_capability(
      kVendorCapability, std::as_bytes(std::span(&body, 1)).first(sizeof(body) - sizeof(body.tail)), {});
}

}  // namespace

PciTransport::PciTransport(std::unique_ptr<VirtioDevice> device, GuestMemory& memory, io::MsiSink& sink)
    : device_(std::move(device)),
      config_(identity(device_->id())),
      msix_(device_->vectors(), sink),
      common_(*device_, memory, *this, device_->vectors()) {
  MAYFLY_ASSERT(device_->config().size() <= kDeviceConfigBytesMax &&
                common_.queue_count() <= kPage / kNotifyMultiplier && msix_.vectors() <= kVectorsMax);
  config_.add_bar(0, {.bytes = kBarBytes, .width = pci::BarWidth::k32});
  add_capabilities();
  for (std::uint16_t queue = 0; queue < common_.queue_count(); ++queue) {
    if (const int event = device_->interrupt_event(queue); event >= 0) {
      events_.push_back({.queue = queue, .event = event});
    }
  }
}

void PciTransport::deliver_by(io::EventInterrupts& interrupts) {
  const std::lock_guard lock(device_->mutex());
  MAYFLY_ASSERT(has_events() && interrupts_ == nullptr);
  const std::uint32_t first = interrupts.allocate(static_cast<std::uint32_t>(events_.size()));
  for (std::uint32_t i = 0; i < events_.size(); ++i) {
    events_[i].line = first + i;
  }
  interrupts_ = &interrupts;
}

void PciTransport::add_capabilities() {
  // In the order in which Linux looks for them, for it walks the list from the front each time.
  add_capability(config_, Kind::kCommon, kCommonAt, CommonConfig::kBytes);
  add_capability(config_, Kind::kIsr, kIsrAt, 1);
  const Capability notify{.cap_bytes = 20,
                          .kind = static_cast<std::uint8_t>(Kind::kNotify),
                          .bar = 0,
                          .id = 0,
                          .padding = {},
                          .offset = kNotifyAt,
                          .bytes = kNotifyMultiplier * common_.queue_count(),
                          .tail = kNotifyMultiplier};
  config_.add_capability(kVendorCapability, std::as_bytes(std::span(&notify, 1)), {});
  if (!device_->config().empty()) {
    // 4.1.4.6.1: a device MUST have this one when it has a configuration.
    add_capability(config_, Kind::kDevice, kDeviceConfigAt,
                   static_cast<std::uint32_t>(device_->config().size()));
  }
  const Capability access{.cap_bytes = 20,
                          .kind = static_cast<std::uint8_t>(Kind::kConfigAccess),
                          .bar = 0,
                          .id = 0,
                          .padding = {},
                          .offset = 0,
                          .bytes = 0,
                          .tail = 0};
  Capability writable{};
  writable.bar = 0xff;
  writable.offset = 0xffffffff;
  writable.bytes = 0xffffffff;
  config_access_at_ = config_.add_capability(kVendorCapability, std::as_bytes(std::span(&access, 1)),
                                             std::as_bytes(std::span(&writable, 1)));
  msix_.add_capability(config_, {.bar = 0, .table = kMsixTableAt, .pba = kMsixPbaAt});
}

void PciTransport::place_bar(std::size_t index, std::uint64_t address) noexcept {
  const std::lock_guard lock(device_->mutex());
  config_.place_bar(index, address);
}

std::optional<std::uint64_t> PciTransport::bar_address(std::size_t index) const noexcept {
  const std::lock_guard lock(device_->mutex());
  return config_.bar_address(index);
}

const pci::RegisterPages& PciTransport::show_registers(pci::Viewer& viewer) {
  const std::lock_guard lock(device_->mutex());
  MAYFLY_ASSERT(!registers_);
  registers_.emplace(config_.placed_at(0), kShownBytes, viewer);
  (void)registers_->follow(config_.bar_address(0));
  refresh_registers();
  return *registers_;
}

void PciTransport::refresh_registers() noexcept {
  refresh(kCommonAt);
  refresh(kDeviceConfigAt);
  refresh(kMsixTableAt);
  refresh(kMsixPbaAt);
}

void PciTransport::refresh(std::uint32_t region) noexcept {
  if (!registers_) {
    return;
  }
  std::size_t bytes = CommonConfig::kBytes;
  if (region == kDeviceConfigAt) {
    bytes = device_->config().size();
  } else if (region == kMsixTableAt) {
    bytes = pci::Msix::kEntryBytes * msix_.vectors();
  } else if (region == kMsixPbaAt) {
    bytes = sizeof(std::uint64_t);
  }
  std::array<std::uint32_t, kDeviceConfigBytesMax / sizeof(std::uint32_t)> now;
  const auto dwords = std::span(now).first(align_up(bytes, sizeof(now[0])) / sizeof(now[0]));
  std::ranges::fill(dwords, ~0U);
  region_read(region, std::as_writable_bytes(dwords));
  registers_->show(region, dwords);
}

PciTransport::ConfigAccess PciTransport::config_access() const noexcept {
  const auto offset = config_.get<std::uint32_t>(config_access_at_ + kCapabilityOffset);
  const auto bytes = config_.get<std::uint32_t>(config_access_at_ + kCapabilityBytes);
  const bool valid = config_.get<std::uint8_t>(config_access_at_ + kCapabilityBar) == 0 &&
                     (bytes == 1 || bytes == 2 || bytes == 4) && offset % bytes == 0 && offset < kBarBytes;
  return valid ? ConfigAccess{offset, bytes} : ConfigAccess{};
}

void PciTransport::config_read(std::uint16_t offset, std::span<std::byte> data) noexcept {
  const std::lock_guard lock(device_->mutex());
  config_.read(offset, data);
  if (offset == config_access_at_ + kCapabilityTail) {
    const ConfigAccess access = config_access();
    region_read(access.offset, data.first(std::min<std::size_t>(data.size(), access.bytes)));
  }
}

void PciTransport::config_write(std::uint16_t offset, std::span<const std::byte> data) noexcept {
  const std::lock_guard lock(device_->mutex());
  config_.write(offset, data);
  msix_.config_written(config_);
  follow_vectors();
  if (registers_) {
    if (registers_->follow(config_.bar_address(0)) == pci::RegisterPages::Followed::kShownAgain) {
      refresh_registers();
    }
    refresh(kMsixPbaAt);
  }
  if (offset < config_access_at_ + sizeof(Capability) && offset + data.size() > config_access_at_) {
    config_reads_ = pci::ConfigReads::kLive;
  }
  if (offset == config_access_at_ + kCapabilityTail) {
    const ConfigAccess access = config_access();
    region_write(access.offset, data.first(std::min<std::size_t>(data.size(), access.bytes)));
  }
}

pci::ConfigReads PciTransport::config_reads() const noexcept {
  const std::lock_guard lock(device_->mutex());
  return config_reads_;
}

void PciTransport::bar_read(std::size_t /*index*/, std::uint64_t offset, std::span<std::byte> data) noexcept {
  const std::lock_guard lock(device_->mutex());
  region_read(offset, data);
}

void PciTransport::bar_write(std::size_t /*index*/, std::uint64_t offset,
                             std::span<const std::byte> data) noexcept {
  const std::lock_guard lock(device_->mutex());
  region_write(offset, data);
}

void PciTransport::region_read(std::uint64_t offset, std::span<std::byte> data) noexcept {
  if (data.empty()) {
    return;
  }
  if (offset >= kNotifyAt) {
    if (offset == kIsrAt) {
      // 4.1.4.5.1: reset on read.
      data[0] = static_cast<std::byte>(std::exchange(isr_, std::uint8_t{0}));
    }
  } else if (offset >= kMsixPbaAt) {
    msix_.read_pba(offset - kMsixPbaAt, data);
  } else if (offset >= kMsixTableAt) {
    msix_.read_table(offset - kMsixTableAt, data);
  } else if (offset >= kDeviceConfigAt) {
    const std::span<const std::byte> config = device_->config();
    const std::uint64_t at = offset - kDeviceConfigAt;
    if (at < config.size()) {
      std::memcpy(data.data(), config.data() + at, std::min<std::size_t>(data.size(), config.size() - at));
    }
  } else {
    common_.read(offset, data);
  }
}

void PciTransport::region_write(std::uint64_t offset, std::span<const std::byte> data) noexcept {
  if (data.empty() || offset >= kIsrAt) {
    return;
  }
  if (offset >= kNotifyAt) {
    notify(offset - kNotifyAt);
    return;
  }
  if (offset >= kMsixTableAt) {
    if (offset < kMsixPbaAt) {
      msix_.write_table(offset - kMsixTableAt, data);
      follow_vectors();
      refresh(kMsixTableAt);
      refresh(kMsixPbaAt);
    }
  } else if (offset >= kDeviceConfigAt) {
    const std::uint64_t at = offset - kDeviceConfigAt;
    if (at < device_->config().size() && data.size() <= device_->config().size() - at) {
      device_->write_config(at, data);
      refresh(kDeviceConfigAt);
    }
  } else {
    common_.write(offset, data);
    follow_vectors();
    if (common_.status() == 0) {
      isr_ = 0;
      msix_.clear_pending();
      refresh_registers();
    } else {
      refresh(kCommonAt);
      // A device may decide on its configuration by what was negotiated.
      refresh(kDeviceConfigAt);
    }
  }
}

void PciTransport::notify(std::uint64_t offset) noexcept {
  // The place says which queue; what is written is the same number again (4.1.5.2).
  const std::uint64_t queue = offset / kNotifyMultiplier;
  if (offset % kNotifyMultiplier == 0 && queue < common_.queue_count() && common_.running()) {
    device_->notify(static_cast<std::uint16_t>(queue));
  }
}

void PciTransport::queue_interrupt(std::uint16_t queue) noexcept {
  // 4.1.4.5.1: the bit is for drivers without MSI-X.
  if (!msix_.enabled()) {
    isr_ |= kIsrQueue;
  }
  raise(common_.queue_vector(queue));
}

void PciTransport::config_interrupt() noexcept {
  common_.next_generation();
  isr_ |= kIsrConfig;
  refresh(kCommonAt);
  refresh(kDeviceConfigAt);
  raise(common_.config_vector());
}

void PciTransport::raise(std::uint16_t vector) noexcept {
  if (msix_.raise(vector) == pci::Msix::Raised::kPending) {
    refresh(kMsixPbaAt);
  }
}

void PciTransport::follow_vectors() noexcept {
  if (interrupts_ == nullptr) {
    return;
  }
  for (QueueEvents& each : events_) {
    const auto wanted = common_.running() ? msix_.message_of(common_.queue_vector(each.queue)) : std::nullopt;
    if (wanted == each.sends) {
      continue;
    }
    if (each.sends) {
      interrupts_->disconnect(each.line, each.event);
    }
    each.sends = wanted;
    if (wanted && !interrupts_->connect(each.line, each.event, *wanted)) {
      each.sends = std::nullopt;
      needs_reset(each.queue, QueueFault::kHostRefuses);
    }
  }
}

void PciTransport::needs_reset(std::uint16_t queue, QueueFault fault) noexcept {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  ++faults_;
  common_.set_needs_reset();
  config_interrupt();
  const std::uint64_t now = monotonic_ns();
  if (last_log_ns_ == 0 || now - last_log_ns_ >= kSecond) {
    last_log_ns_ = now;
    const std::string_view device = name_of(device_->id());
    const std::string_view what = describe(fault);
    (void)std::fprintf(
        stderr,
        "mayfly: %.*s: queue %u: %.*s; the device stands still until its driver resets it (fault %llu)\n",
        static_cast<int>(device.size()), device.data(), unsigned{queue}, static_cast<int>(what.size()),
        what.data(), static_cast<unsigned long long>(faults_));
  }
}

}  // namespace mayfly::virtio
