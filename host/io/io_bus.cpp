// SPDX-License-Identifier: Apache-2.0
#include "io/io_bus.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace mayfly::io {

void IoBus::attach(IoRange range, IoDevice& device) noexcept {
  MAYFLY_ASSERT(!frozen_ && count_ < kEntriesMax && range.length > 0);
  for (std::size_t i = 0; i < count_; ++i) {
    const IoRange& other = entries_[i].range;
    MAYFLY_ASSERT(range.start >= other.start + other.length || other.start >= range.start + range.length);
  }
  entries_[count_++] = {range, &device};
}

void IoBus::freeze() noexcept { frozen_ = true; }

const IoBus::Entry* IoBus::find(std::uint64_t at, std::size_t bytes) const noexcept {
  for (std::size_t i = 0; i < count_; ++i) {
    const IoRange& range = entries_[i].range;
    if (at >= range.start && at - range.start < range.length) {
      return bytes <= range.length - (at - range.start) ? &entries_[i] : nullptr;
    }
  }
  return nullptr;
}

void IoBus::read(std::uint64_t at, std::span<std::byte> data) const noexcept {
  std::fill(data.begin(), data.end(), std::byte{0xff});
  if (const Entry* entry = find(at, data.size()); entry != nullptr) {
    entry->device->read(at - entry->range.start, data);
  }
}

void IoBus::write(std::uint64_t at, std::span<const std::byte> data) const noexcept {
  if (const Entry* entry = find(at, data.size()); entry != nullptr) {
    entry->device->write(at - entry->range.start, data);
  }
}

}  // namespace mayfly::io
