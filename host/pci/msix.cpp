// SPDX-License-Identifier: Apache-2.0
#include "pci/msix.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace mayfly::pci {
namespace {

constexpr std::uint8_t kCapabilityId = 0x11;
constexpr std::uint16_t kControlEnable = 1U << 15U;
constexpr std::uint16_t kControlFunctionMask = 1U << 14U;
constexpr std::size_t kEntryData = 8;
constexpr std::size_t kEntryControl = 12;

/// What follows the capability's id and link (PCI 3.0, figure 6-11).
struct Body {
  std::uint16_t control;
  std::uint32_t table;
  std::uint32_t pba;
} __attribute__((packed));
static_assert(sizeof(Body) == 10);

/// The bits of an entry's byte that the guest may write (6.8.2.6 to 6.8.2.9).
constexpr std::byte writable(std::size_t at) noexcept {
  if (at == 0) {
    return std::byte{0xfc};
  }
  return at < kEntryControl ? std::byte{0xff} : at == kEntryControl ? std::byte{1} : std::byte{0};
}

}  // namespace

Msix::Msix(std::uint16_t vectors, io::MsiSink& sink) : sink_(sink), entries_(vectors) {
  MAYFLY_ASSERT(vectors >= 1 && vectors <= kVectorsMax);
  for (Entry& entry : entries_) {
    entry.bytes[kEntryControl] = std::byte{1};
  }
}

void Msix::add_capability(ConfigSpace& config, const Place& place) noexcept {
  MAYFLY_ASSERT((place.table | place.pba) % 8 == 0 && control_at_ == 0);
  const Body body{static_cast<std::uint16_t>(vectors() - 1U), place.table | place.bar, place.pba | place.bar};
  const Body mask{kControlEnable | kControlFunctionMask, 0, 0};
  control_at_ = config.add_capability(kCapabilityId, std::as_bytes(std::span(&body, 1)),
                                      std::as_bytes(std::span(&mask, 1))) +
                2U;
}

void Msix::config_written(const ConfigSpace& config) noexcept {
  const auto control = config.get<std::uint16_t>(control_at_);
  const bool enabled = (control & kControlEnable) != 0;
  const bool function_masked = (control & kControlFunctionMask) != 0;
  if (enabled == enabled_ && function_masked == function_masked_) {
    return;
  }
  enabled_ = enabled;
  function_masked_ = function_masked;
  if (!enabled_) {
    clear_pending();
    return;
  }
  for (Entry& entry : entries_) {
    send_if_free(entry);
  }
}

bool Msix::masked(const Entry& entry) noexcept {
  return (entry.bytes[kEntryControl] & std::byte{1}) != std::byte{0};
}

Msix::Raised Msix::raise(std::uint16_t vector) noexcept {
  if (!enabled_ || vector >= entries_.size()) {
    return Raised::kDropped;
  }
  entries_[vector].pending = true;
  send_if_free(entries_[vector]);
  return entries_[vector].pending ? Raised::kPending : Raised::kSent;
}

void Msix::send_if_free(Entry& entry) noexcept {
  if (!entry.pending || !is_free(entry)) {
    return;
  }
  entry.pending = false;
  sink_.send(message_in(entry));
}

io::MsiMessage Msix::message_in(const Entry& entry) noexcept {
  io::MsiMessage message;
  std::memcpy(&message.address, entry.bytes.data(), sizeof(message.address));
  std::memcpy(&message.data, entry.bytes.data() + kEntryData, sizeof(message.data));
  return message;
}

std::optional<io::MsiMessage> Msix::message_of(std::uint16_t vector) const noexcept {
  if (vector >= entries_.size() || !is_free(entries_[vector])) {
    return std::nullopt;
  }
  return message_in(entries_[vector]);
}

void Msix::clear_pending() noexcept {
  for (Entry& entry : entries_) {
    entry.pending = false;
  }
}

void Msix::read_table(std::uint64_t offset, std::span<std::byte> data) const noexcept {
  for (std::size_t i = 0; i < data.size(); ++i) {
    const std::uint64_t entry = (offset + i) / kEntryBytes;
    if (entry < entries_.size()) {
      data[i] = entries_[entry].bytes[(offset + i) % kEntryBytes];
    }
  }
}

void Msix::write_table(std::uint64_t offset, std::span<const std::byte> data) noexcept {
  for (std::size_t i = 0; i < data.size(); ++i) {
    const std::uint64_t entry = (offset + i) / kEntryBytes;
    const std::size_t at = (offset + i) % kEntryBytes;
    if (entry < entries_.size()) {
      entries_[entry].bytes[at] = data[i] & writable(at);
    }
  }
  // Only now: a message is sent with what the whole access wrote.
  const std::uint64_t end =
      std::min<std::uint64_t>((offset + data.size() - 1) / kEntryBytes + 1, entries_.size());
  for (std::uint64_t entry = offset / kEntryBytes; entry < end; ++entry) {
    send_if_free(entries_[entry]);
  }
}

void Msix::read_pba(std::uint64_t offset, std::span<std::byte> data) const noexcept {
  // 6.8.2.10: one bit a vector, in quad words.
  const std::size_t pba_bytes = (entries_.size() + 63) / 64 * 8;
  for (std::size_t i = 0; i < data.size() && offset + i < pba_bytes; ++i) {
    unsigned bits = 0;
    for (std::size_t bit = 0; bit < 8; ++bit) {
      const std::uint64_t vector = (offset + i) * 8 + bit;
      if (vector < entries_.size() && entries_[vector].pending) {
        bits |= 1U << bit;
      }
    }
    data[i] = static_cast<std::byte>(bits);
  }
}

}  // namespace mayfly::pci
