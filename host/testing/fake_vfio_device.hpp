// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include <sys/mman.h>

#include "base/error.hpp"
#include "vfio/device_access.hpp"

namespace mayfly::testing {

/// A passed-through function without a device: regions of bytes, interrupts as descriptors that a test reads.
/// One thread.
class FakeVfioDevice final : public vfio::DeviceAccess {
 public:
  /// Vendor 1234, device 11e8, no BAR, no capability.
  FakeVfioDevice() : config(4096) {
    put<std::uint32_t>(0x00, 0x11e81234);
    put<std::uint32_t>(0x08, 0x00ff0010);
  }

  template <typename T>
  void put(std::size_t offset, T value) {
    std::memcpy(config.data() + offset, &value, sizeof(value));
  }
  template <typename T>
  [[nodiscard]] T get(std::size_t offset) const {
    T value{};
    std::memcpy(&value, config.data() + offset, sizeof(value));
    return value;
  }
  /// BAR `index` of `bytes`, all of it mappable where it is whole pages.
  void add_bar(std::uint32_t index, std::size_t bytes, std::uint32_t flags = 0) {
    bars[index] = std::vector<std::byte>(bytes);
    if (bytes % 4096 == 0) {
      mappable[index] = {{0, bytes}};
    }
    put<std::uint32_t>(0x10 + 4 * index, flags);
  }
  /// Links a capability to the front of the list.
  void add_capability(std::uint8_t at, std::uint8_t id) {
    put<std::uint8_t>(at, id);
    put<std::uint8_t>(at + 1, get<std::uint8_t>(0x34));
    put<std::uint8_t>(0x34, at);
    put<std::uint16_t>(0x06, 0x10);
  }

  [[nodiscard]] vfio::Region region(std::uint32_t index) const override {
    if (index == vfio::kConfigRegion) {
      return {.bytes = config.size()};
    }
    const auto found = bars.find(index);
    const auto areas = mappable.find(index);
    return {.bytes = found == bars.end() ? 0 : found->second.size(),
            .mappable = areas == mappable.end() ? std::vector<vfio::Area>() : areas->second};
  }
  [[nodiscard]] bool read(std::uint32_t region, std::uint64_t offset,
                          std::span<std::byte> data) noexcept override {
    const std::span<std::byte> from = bytes_of(region);
    if (offset > from.size() || data.size() > from.size() - offset) {
      return false;
    }
    std::copy_n(from.data() + offset, data.size(), data.data());
    bytes_read += data.size();
    return true;
  }
  [[nodiscard]] bool write(std::uint32_t region, std::uint64_t offset,
                           std::span<const std::byte> data) noexcept override {
    const std::span<std::byte> to = bytes_of(region);
    if (offset > to.size() || data.size() > to.size() - offset) {
      return false;
    }
    std::copy_n(data.data(), data.size(), to.data() + offset);
    ++writes;
    return true;
  }
  [[nodiscard]] Mapping map(std::uint32_t /*region*/, const vfio::Area& area) override {
    void* const address =
        ::mmap(nullptr, area.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MAYFLY_ASSERT(address != MAP_FAILED);
    return {address, area.bytes};
  }
  [[nodiscard]] std::uint32_t interrupt_count(vfio::Interrupts kind) const noexcept override {
    const auto found = counts.find(kind);
    return found == counts.end() ? 0 : found->second;
  }
  [[nodiscard]] bool interrupts_grow(vfio::Interrupts /*kind*/) const noexcept override { return grows; }
  [[nodiscard]] bool set_events(vfio::Interrupts kind, std::uint32_t first,
                                std::span<const int> events) noexcept override {
    if (refuse_events) {
      return false;
    }
    ++event_calls;
    std::vector<int>& all = enabled[kind];
    all.resize(std::max<std::size_t>(all.size(), first + events.size()), -1);
    std::copy(events.begin(), events.end(), all.begin() + first);
    return true;
  }
  [[nodiscard]] bool set_unmask_event(int ended) noexcept override {
    unmask_event = ended;
    return true;
  }
  void disable(vfio::Interrupts kind) noexcept override { enabled.erase(kind); }

  std::vector<std::byte> config;
  std::map<std::uint32_t, std::vector<std::byte>> bars;
  std::map<std::uint32_t, std::vector<vfio::Area>> mappable;
  std::map<vfio::Interrupts, std::uint32_t> counts;
  /// The eventfds that the device would signal, of those kinds that are enabled.
  std::map<vfio::Interrupts, std::vector<int>> enabled;
  int unmask_event = -1;
  int event_calls = 0;
  int writes = 0;
  std::size_t bytes_read = 0;
  bool refuse_events = false;
  bool grows = false;

 private:
  [[nodiscard]] std::span<std::byte> bytes_of(std::uint32_t region) noexcept {
    if (region == vfio::kConfigRegion) {
      return config;
    }
    const auto found = bars.find(region);
    return found == bars.end() ? std::span<std::byte>() : std::span<std::byte>(found->second);
  }
};

}  // namespace mayfly::testing
