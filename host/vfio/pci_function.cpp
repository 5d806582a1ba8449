// SPDX-License-Identifier: Apache-2.0
#include "vfio/pci_function.hpp"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/say.hpp"
#include "pci/header.hpp"
#include "vfio/device_bars.hpp"

namespace mayfly::vfio {

namespace header = pci::header;

namespace {

constexpr std::uint16_t kCommandMemory = 1U << 1U;
constexpr std::uint16_t kCommandBusMaster = 1U << 2U;
constexpr std::uint16_t kCommandIntxOff = 1U << 10U;
/// Bits of the command register that go to the device.
constexpr std::uint16_t kForwarded = kCommandBusMaster | kCommandIntxOff;

constexpr std::uint16_t kMsiEnable = 1;
constexpr std::uint16_t kMsiWide = 1U << 7U;

ConfigFilter read_config(DeviceAccess& device, const std::string& name, IntxUse use) {
  const std::vector<std::byte> config = read_config_space(device, name);
  return {config, read_bars(device, config, name),
          has_intx(device, use) ? ConfigFilter::Pin::kA : ConfigFilter::Pin::kNone};
}

/// The part of an access to `index` that lies in `trapped`, as offset there and place in the data.
struct Overlap {
  std::uint64_t offset = 0;
  std::size_t first = 0;
  std::size_t count = 0;
};
Overlap overlap(const Trapped& trapped, std::size_t index, std::uint64_t offset, std::size_t count) noexcept {
  const std::uint64_t from = std::max(offset, trapped.area.offset);
  const std::uint64_t to = std::min(offset + count, trapped.area.offset + trapped.area.bytes);
  if (index != trapped.bar || from >= to) {
    return {};
  }
  return {from - trapped.area.offset, from - offset, to - from};
}

}  // namespace

PciFunction::PciFunction(std::unique_ptr<DeviceAccess> device, std::string name, const FunctionParts& parts)
    : name_(std::move(name)),
      device_(std::move(device)),
      gate_(parts.gate),
      config_(read_config(*device_, name_, parts.intx)) {
  add_messages(parts);
  windows_.emplace(*device_, bars(), trapped_, parts.slots, parts.peers);
  if (vfio::has_intx(*device_, parts.intx)) {
    intx_.emplace(parts.pin, *device_, parts.interrupts);
  }
  // VFIO takes mappings of BARs away while memory decoding is off, and a vCPU's access would end the VM.
  forward_command(0);
}

PciFunction::~PciFunction() { forward_command(0); }

void PciFunction::add_messages(const FunctionParts& parts) {
  const auto msi_count = device_->interrupt_count(Interrupts::kMsi);
  if (config_.msi().has_value() && msi_count > 0) {
    msi_.emplace(Interrupts::kMsi, std::min(msi_count, 32U), *device_, parts.interrupts);
  }
  if (!config_.msix().has_value()) {
    return;
  }
  const MsixPlace place = msix_place(config_.space(), *config_.msix());
  const std::uint32_t vectors = std::min(place.vectors, device_->interrupt_count(Interrupts::kMsix));
  if (vectors == 0) {
    return;
  }
  msix_vectors_.emplace(Interrupts::kMsix, vectors, *device_, parts.interrupts);
  msix_.emplace(*msix_vectors_);
  trapped_ = {Trapped{place.table_bar, {place.table, msix_->table_bytes()}},
              Trapped{place.pba_bar, {place.pba, msix_->pba_bytes()}}};
}

void PciFunction::place_bar(std::size_t index, std::uint64_t address) noexcept {
  const std::lock_guard lock(mutex_);
  config_.space().place_bar(index, address);
}

std::optional<std::uint64_t> PciFunction::bar_address(std::size_t index) const noexcept {
  const std::lock_guard lock(mutex_);
  return config_.space().bar_address(index);
}

void PciFunction::config_read(std::uint16_t offset, std::span<std::byte> data) noexcept {
  const std::lock_guard lock(mutex_);
  config_.read(offset, data, *device_);
}

void PciFunction::config_write(std::uint16_t offset, std::span<const std::byte> data) noexcept {
  const std::lock_guard lock(mutex_);
  config_.write(offset, data, *device_);
  if (offset < header::kEnd) {
    command_written();
    for (std::size_t bar = 0; bar < bars().size(); ++bar) {
      if (bars()[bar].bytes > 0) {
        windows_->update(bar, config_.space().bar_address(bar));
      }
    }
  } else {
    interrupts_written();
  }
}

void PciFunction::command_written() noexcept {
  const auto command = config_.space().get<std::uint16_t>(header::kCommand);
  auto forwarded = static_cast<std::uint16_t>(command & kForwarded);
  const bool becomes_master =
      (forwarded & kCommandBusMaster) != 0 && (forwarded_command_ & kCommandBusMaster) == 0;
  if (becomes_master && gate_.pass() == BusMasterGate::Passage::kClosed) {
    forwarded = forwarded & kCommandIntxOff;
  }
  if (forwarded != forwarded_command_) {
    forward_command(forwarded);
  }
  // Not before the guest looks at the device: most drivers go on to messages and never need it.
  if (intx_.has_value() && (command & kCommandBusMaster) != 0 && (command & kCommandIntxOff) == 0) {
    interrupts_written();
  }
}

void PciFunction::forward_command(std::uint16_t command) noexcept {
  const auto value = static_cast<std::uint16_t>(command | kCommandMemory);
  if (!device_->write(kConfigRegion, header::kCommand, std::as_bytes(std::span(&value, 1)))) {
    refused("a write to its command register");
  }
  forwarded_command_ = command;
}

void PciFunction::interrupts_written() noexcept {
  const auto control = [this](std::uint8_t at) { return config_.space().get<std::uint16_t>(at + 2U); };
  // A function uses one kind at a time (6.8.3.2); VFIO insists on it.
  const bool msix = msix_.has_value() && (control(*config_.msix()) & 1U << 15U) != 0;
  const bool msi = !msix && msi_.has_value() && (control(*config_.msi()) & kMsiEnable) != 0;
  if (intx_.has_value() && (msix || msi)) {
    intx_->disable();
  }
  const auto command = config_.space().get<std::uint16_t>(header::kCommand);
  const bool intx = intx_.has_value() && !msix && !msi && (command & kCommandBusMaster) != 0 &&
                    (command & kCommandIntxOff) == 0;
  if (msix_.has_value() && !msix) {
    (void)msix_->control_written(0);
    if (msi || intx) {
      msix_vectors_->release();
    }
  }
  if (msi_.has_value() && !msi) {
    msi_->disable();
    if (msix || intx) {
      msi_->release();
    }
  }
  if (msi) {
    msi_written();
  }
  if (msix && !msix_->control_written(control(*config_.msix()))) {
    refused("MSI-X vectors");
  }
  if (intx && !intx_->enable()) {
    refused("its INTx");
  }
}

void PciFunction::msi_written() noexcept {
  const std::size_t at = *config_.msi();
  const pci::ConfigSpace& space = config_.space();
  const auto control = space.get<std::uint16_t>(at + 2);
  // 6.8.1.3: how many messages are enabled, and may not be more than it asked for.
  const std::uint32_t wanted = 1U << (control >> 4U & 7U);
  const std::uint32_t count = std::min(wanted, msi_->count());
  if (!msi_->enabled() && !msi_->enable(count)) {
    return refused("MSI vectors");
  }
  const bool wide = (control & kMsiWide) != 0;
  const std::uint64_t high = wide ? space.get<std::uint32_t>(at + 8) : 0;
  const std::uint64_t address = high << 32U | space.get<std::uint32_t>(at + 4);
  const auto data = space.get<std::uint16_t>(at + (wide ? 12 : 8));
  for (std::uint32_t vector = 0; vector < count; ++vector) {
    // 6.8.1.6: the device changes the low bits of the data to tell its messages apart.
    const std::uint32_t bits = std::bit_ceil(count) - 1;
    if (!msi_->set(vector, io::MsiMessage{address, (data & ~bits) | vector})) {
      return refused("an MSI vector");
    }
  }
}

void PciFunction::bar_read(std::size_t index, std::uint64_t offset, std::span<std::byte> data) noexcept {
  const std::lock_guard lock(mutex_);
  const Overlap table = overlap(trapped_[0], index, offset, data.size());
  const Overlap pba = overlap(trapped_[1], index, offset, data.size());
  if (table.count + pba.count < data.size()) {
    (void)device_->read(static_cast<std::uint32_t>(index), offset, data);
  }
  if (table.count > 0) {
    msix_->read_table(table.offset, data.subspan(table.first, table.count));
  }
  if (pba.count > 0) {
    msix_->read_pba(pba.offset, data.subspan(pba.first, pba.count));
  }
}

void PciFunction::bar_write(std::size_t index, std::uint64_t offset,
                            std::span<const std::byte> data) noexcept {
  const std::lock_guard lock(mutex_);
  const Overlap table = overlap(trapped_[0], index, offset, data.size());
  const Overlap pba = overlap(trapped_[1], index, offset, data.size());
  if (table.count > 0 && !msix_->write_table(table.offset, data.subspan(table.first, table.count))) {
    refused("an MSI-X vector");
  }
  // Pending bits are read-only, and what is only partly ours is ours.
  if (table.count + pba.count == 0) {
    (void)device_->write(static_cast<std::uint32_t>(index), offset, data);
  }
}

void PciFunction::refused(const char* what) noexcept {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  const std::uint64_t now = monotonic_ns();
  if (last_log_ns_ == 0 || now - last_log_ns_ >= kSecond) {
    last_log_ns_ = now;
    warn("device " + name_ + ": the host refuses " + what);
  }
}

}  // namespace mayfly::vfio
