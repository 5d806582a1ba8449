// SPDX-License-Identifier: Apache-2.0
#include "vfio/msix_table.hpp"

#include <algorithm>
#include <cstring>

namespace mayfly::vfio {
namespace {

constexpr std::uint16_t kControlEnable = 1U << 15U;
constexpr std::uint16_t kControlFunctionMask = 1U << 14U;
constexpr std::size_t kEntryData = 8;
constexpr std::size_t kEntryControl = 12;

/// The bits of an entry's byte that the guest may write (6.8.2.6 to 6.8.2.9).
constexpr std::byte writable(std::size_t at) noexcept {
  if (at == 0) {
    return std::byte{0xfc};
  }
  return at < kEntryControl ? std::byte{0xff} : at == kEntryControl ? std::byte{1} : std::byte{0};
}

}  // namespace

MsixTable::MsixTable(MessageVectors& vectors) : vectors_(vectors), entries_(vectors.count()) {
  for (Entry& entry : entries_) {
    entry[kEntryControl] = std::byte{1};
  }
}

bool MsixTable::control_written(std::uint16_t control) noexcept {
  const bool enable = (control & kControlEnable) != 0;
  const bool masked = (control & kControlFunctionMask) != 0;
  if (enable == vectors_.enabled() && (!enable || masked == function_masked_)) {
    return true;
  }
  if (!enable) {
    vectors_.disable();
    return true;
  }
  if (!vectors_.enabled() && !vectors_.enable(vectors_.count())) {
    return false;
  }
  function_masked_ = masked;
  bool all = true;
  for (std::size_t entry = 0; entry < entries_.size(); ++entry) {
    all = update(entry) && all;
  }
  return all;
}

bool MsixTable::update(std::size_t index) noexcept {
  const Entry& entry = entries_[index];
  std::optional<io::MsiMessage> message;
  if (!function_masked_ && (entry[kEntryControl] & std::byte{1}) == std::byte{0}) {
    message.emplace();
    std::memcpy(&message->address, entry.data(), sizeof(message->address));
    std::memcpy(&message->data, entry.data() + kEntryData, sizeof(message->data));
  }
  return vectors_.set(static_cast<std::uint32_t>(index), message);
}

void MsixTable::read_table(std::uint64_t offset, std::span<std::byte> data) const noexcept {
  for (std::size_t i = 0; i < data.size(); ++i) {
    const std::uint64_t entry = (offset + i) / kEntryBytes;
    if (entry < entries_.size()) {
      data[i] = entries_[entry][(offset + i) % kEntryBytes];
    }
  }
}

bool MsixTable::write_table(std::uint64_t offset, std::span<const std::byte> data) noexcept {
  for (std::size_t i = 0; i < data.size(); ++i) {
    const std::uint64_t entry = (offset + i) / kEntryBytes;
    const std::size_t at = (offset + i) % kEntryBytes;
    if (entry < entries_.size()) {
      entries_[entry][at] = data[i] & writable(at);
    }
  }
  // Only now: a message is what the whole access wrote.
  const std::uint64_t end =
      std::min<std::uint64_t>((offset + data.size() - 1) / kEntryBytes + 1, entries_.size());
  bool all = true;
  for (std::uint64_t entry = offset / kEntryBytes; entry < end; ++entry) {
    all = update(entry) && all;
  }
  return all;
}

void MsixTable::read_pba(std::uint64_t offset, std::span<std::byte> data) const noexcept {
  // 6.8.2.10: one bit a vector, in quad words.
  for (std::size_t i = 0; i < data.size() && offset + i < pba_bytes(); ++i) {
    unsigned bits = 0;
    for (std::size_t bit = 0; bit < 8; ++bit) {
      const std::uint64_t vector = (offset + i) * 8 + bit;
      if (vector < entries_.size() && vectors_.pending(static_cast<std::uint32_t>(vector))) {
        bits |= 1U << bit;
      }
    }
    data[i] = static_cast<std::byte>(bits);
  }
}

}  // namespace mayfly::vfio
