// SPDX-License-Identifier: Apache-2.0
#include "vfio/config_filter.hpp"

#include <algorithm>
#include <cstring>

#include "base/error.hpp"
#include "pci/header.hpp"

namespace mayfly::vfio {

namespace header = pci::header;

namespace {

constexpr std::size_t kConventional = pci::ConfigSpace::kBytes;
constexpr std::byte kAll{0xff};
constexpr std::byte kNone{0};

// PCI Power Management 1.2, 3.2.
constexpr std::size_t kPowerControl = 4;
constexpr std::byte kPowerStateBits{0x03};
constexpr std::byte kPowerKeepsState{0x08};
// PCI 3.0, 6.8.1.3.
constexpr std::byte kMsiEnableAndCount{0x71};
constexpr std::byte kMsi64{0x80};
// 6.8.2.3.
constexpr std::byte kMsixEnableAndMask{0xc0};
// PCI Express 3.0, 7.8.2 to 7.8.4.
constexpr std::size_t kExpressDeviceControl = 8;
constexpr std::size_t kExpressLink = 0x0c;
constexpr std::byte kExpressTypeBits{0xf0};
constexpr std::byte kExpressRootEndpoint{0x90};
constexpr std::byte kExpressResetCapable{0x10};
constexpr std::byte kExpressReset{0x80};

std::uint16_t word(std::span<const std::byte> config, std::size_t at) noexcept {
  std::uint16_t value = 0;
  std::memcpy(&value, config.data() + at, sizeof(value));
  return value;
}

pci::Identity identity_of(std::span<const std::byte> config) noexcept {
  std::uint32_t revision_and_class = 0;
  std::memcpy(&revision_and_class, config.data() + 0x08, sizeof(revision_and_class));
  return {.vendor = word(config, 0x00),
          .device = word(config, 0x02),
          .class_code = revision_and_class >> 8U,
          .revision = std::to_integer<std::uint8_t>(config[0x08]),
          .subsystem_vendor = word(config, 0x2c),
          .subsystem = word(config, 0x2e)};
}

}  // namespace

ConfigFilter::ConfigFilter(std::span<const std::byte> config, std::span<const pci::Bar> bars,
                           Pin pin) noexcept
    : space_(identity_of(config)) {
  MAYFLY_ASSERT(config.size() >= kConventional);
  for (std::size_t i = 0; i < bars.size(); ++i) {
    if (bars[i].bytes > 0) {
      space_.add_bar(i, bars[i]);
    }
  }
  space_.put(header::kInterruptPin, pin == Pin::kA ? std::byte{1} : kNone, kNone);
  read_passed_[header::kStatus] = kAll & ~header::kStatusHasList;
  read_passed_[header::kStatus + 1] = kAll;
  std::size_t link = header::kCapabilities;
  for (const Capability& capability : walk_capabilities(config)) {
    const std::size_t at = capability.offset;
    add_capability(config, capability);
    if (space_.get<std::uint8_t>(at) != 0) {  // it was taken
      space_.put(link, static_cast<std::byte>(at), kNone);
      space_.put(header::kStatus, header::kStatusHasList, kNone);
      link = at + 1;
    }
  }
  add_extended(config);
}

void ConfigFilter::add_capability(std::span<const std::byte> config, const Capability& capability) noexcept {
  switch (capability.id) {
    case kCapPower:
      return show_power(capability);
    case kCapMsi:
      return show_msi(config, capability);
    case kCapVendor:
      return show_vendor(config, capability);
    case kCapExpress:
      return show_express(config, capability);
    case kCapMsix:
      return show_msix(config, capability);
    default:
      return;
  }
}

void ConfigFilter::show(std::span<const std::byte> config, std::size_t at, std::size_t count) noexcept {
  for (std::size_t i = at; i < at + count; ++i) {
    space_.put(i, config[i], kNone);
  }
  space_.put(at + 1, kNone, kNone);  // the link is ours
}

void ConfigFilter::show_power(const Capability& capability) noexcept {
  constexpr std::byte kVersion3{0x03};
  const std::size_t at = capability.offset;
  if (capability.room < 8) {
    return;
  }
  space_.put(at, static_cast<std::byte>(kCapPower), kNone);
  space_.put(at + 2, kVersion3, kNone);
  space_.put(at + kPowerControl, kPowerKeepsState, kPowerStateBits);
}

void ConfigFilter::show_msi(std::span<const std::byte> config, const Capability& capability) noexcept {
  const std::size_t at = capability.offset;
  if (msi_.has_value() || capability.room < 4) {
    return;
  }
  const std::byte control = config[at + 2];
  const bool wide = (control & kMsi64) != kNone;
  const std::size_t address = wide ? 8 : 4;
  if (capability.room < 4 + address + 2) {
    return;
  }
  space_.put(at, static_cast<std::byte>(kCapMsi), kNone);
  // How many messages it can send, and whether to any address; no masks (bit 8).
  space_.put(at + 2, control & (std::byte{0x0e} | kMsi64), kMsiEnableAndCount);
  for (std::size_t i = 0; i < address + 2; ++i) {
    space_.put(at + 4 + i, kNone, i == 0 ? std::byte{0xfc} : kAll);
  }
  msi_ = static_cast<std::uint8_t>(at);
}

void ConfigFilter::show_msix(std::span<const std::byte> config, const Capability& capability) noexcept {
  const std::size_t at = capability.offset;
  if (msix_.has_value() || capability.room < 12) {
    return;
  }
  show(config, at, 12);
  space_.put(at + 3, config[at + 3] & ~kMsixEnableAndMask, kMsixEnableAndMask);
  msix_ = static_cast<std::uint8_t>(at);
}

void ConfigFilter::show_vendor(std::span<const std::byte> config, const Capability& capability) noexcept {
  const std::size_t at = capability.offset;
  constexpr std::size_t kHead = 3;
  const auto count = capability.room < kHead ? 0 : std::to_integer<std::size_t>(config[at + 2]);
  if (count < kHead || count > capability.room) {
    return;
  }
  show(config, at, kHead);
  for (std::size_t i = at + kHead; i < at + count; ++i) {
    read_passed_[i] = kAll;
    write_passed_[i] = kAll;
  }
}

void ConfigFilter::show_express(std::span<const std::byte> config, const Capability& capability) noexcept {
  const std::size_t at = capability.offset;
  constexpr std::size_t kVersion1 = 0x14;
  constexpr std::size_t kVersion2 = 0x3c;
  constexpr std::size_t kDevice2 = 0x24;
  if (capability.room < kVersion1) {
    return;
  }
  const bool second = (config[at + 2] & std::byte{0x0f}) >= std::byte{2} && capability.room >= kVersion2;
  show(config, at, kExpressLink);
  space_.put(at + 2, (config[at + 2] & ~kExpressTypeBits) | kExpressRootEndpoint, kNone);
  space_.put(at + 3, kNone, kNone);  // no slot, no interrupt message
  space_.put(at + 7, config[at + 7] & ~kExpressResetCapable, kNone);
  if (second) {
    // What the device can do; its second control register stays off.
    for (std::size_t i = at + kDevice2; i < at + kDevice2 + 4; ++i) {
      space_.put(i, config[i], kNone);
    }
  }
  for (std::size_t i = at + kExpressDeviceControl; i < at + kExpressLink; ++i) {
    read_passed_[i] = kAll;
    write_passed_[i] = kAll;
  }
  write_passed_[at + kExpressDeviceControl + 1] &= ~kExpressReset;
}

void ConfigFilter::add_extended(std::span<const std::byte> config) noexcept {
  std::size_t last = 0;
  const auto link = [&](std::size_t from, std::uint32_t header) {
    std::memcpy(extended_.data() + from - kConventional, &header, sizeof(header));
  };
  for (const Capability& capability : walk_extended(config)) {
    const std::size_t count = shown_bytes(config, capability);
    const std::size_t at = capability.offset;
    if (count == 0) {
      continue;
    }
    std::copy_n(config.begin() + static_cast<std::ptrdiff_t>(at), count,
                extended_.begin() + static_cast<std::ptrdiff_t>(at - kConventional));
    link(at, (word(config, at + 2) & 0xfU) << 16U | capability.id);
    if (at != kConventional) {
      // Where the first of the list was masked an entry that means nothing holds its place (QEMU does so
      // too).
      constexpr std::uint32_t kNothing = 0xffff;
      const std::size_t from = last == 0 ? kConventional : last;
      std::uint32_t before = kNothing;
      if (last != 0) {
        std::memcpy(&before, extended_.data() + from - kConventional, sizeof(before));
      }
      link(from, before | static_cast<std::uint32_t>(at) << 20U);
    }
    last = at;
  }
  if (last == 0) {
    extended_.fill(kAll);
  }
}

void ConfigFilter::read(std::uint16_t offset, std::span<std::byte> data,
                        DeviceAccess& device) const noexcept {
  space_.read(offset, data);
  bool passed = false;
  for (std::size_t i = 0; i < data.size() && offset + i < kBytes; ++i) {
    if (offset + i >= kConventional) {
      data[i] = extended_[offset + i - kConventional];
    } else {
      passed = passed || read_passed_[offset + i] != kNone;
    }
  }
  std::array<std::byte, 8> live{};
  if (!passed || data.size() > live.size() || offset + data.size() > kConventional ||
      !device.read(kConfigRegion, offset, std::span(live).first(data.size()))) {
    return;
  }
  for (std::size_t i = 0; i < data.size(); ++i) {
    const std::byte mask = read_passed_[offset + i];
    data[i] = (data[i] & ~mask) | (live[i] & mask);
  }
}

void ConfigFilter::write(std::uint16_t offset, std::span<const std::byte> data,
                         DeviceAccess& device) noexcept {
  space_.write(offset, data);
  // Each run of passed bytes is one access, as wide as the guest's.
  std::array<std::byte, 8> run{};
  std::size_t count = 0;
  for (std::size_t i = 0; i <= data.size(); ++i) {
    const bool more = i < data.size() && offset + i < kConventional && count < run.size() &&
                      write_passed_[offset + i] != kNone;
    if (more) {
      run[count++] = data[i] & write_passed_[offset + i];
    } else if (count > 0) {
      (void)device.write(kConfigRegion, offset + i - count, std::span(run).first(count));
      count = 0;
    }
  }
}

std::size_t shown_bytes(std::span<const std::byte> config, const Capability& capability) noexcept {
  std::size_t count = 0;
  if (capability.id == kExtSerialNumber) {
    count = 12;
  } else if (capability.id == kExtVendor && capability.room >= 8) {
    count = word(config, capability.offset + 6U) >> 4U;  // 7.19: its length, header included
  }
  return count < 8 || count > capability.room ? 0 : count;
}

}  // namespace mayfly::vfio
