// SPDX-License-Identifier: Apache-2.0
#include "machine.hpp"

#include "hardware.hpp"

namespace hostile {
namespace {

// host/boot/start_info.hpp
constexpr std::uint64_t kCommandLine = 0x7000;
constexpr std::uint64_t kCommandLineEnd = 0x8000;

/// The decimal number behind `name=`, 0 when there is none.
std::uint64_t argument(const char* name) noexcept {
  for (std::uint64_t at = kCommandLine; at < kCommandLineEnd; ++at) {
    std::uint64_t here = at;
    const char* letter = name;
    while (*letter != '\0' && load<char>(here) == *letter) {
      ++here;
      ++letter;
    }
    if (*letter == '\0' && load<char>(here) == '=') {
      std::uint64_t value = 0;
      for (char digit = load<char>(++here); digit >= '0' && digit <= '9'; digit = load<char>(++here)) {
        value = value * 10 + static_cast<std::uint64_t>(digit - '0');
      }
      return value;
    }
  }
  return 0;
}

void find_capabilities(Device& device) noexcept {
  for (std::uint8_t at = load<std::uint8_t>(device.config + 0x34); at != 0;
       at = load<std::uint8_t>(device.config + at + 1)) {
    const auto id = load<std::uint8_t>(device.config + at);
    if (id == 0x11) {
      device.msix_at = at;
    } else if (id == 0x09 && load<std::uint8_t>(device.config + at + 3) == 5) {
      device.access_at = at;
    }
  }
}

}  // namespace

void explore(Machine& machine) noexcept {
  machine.seed = argument("seed");
  machine.cpus = static_cast<std::uint32_t>(argument("cpus"));
  machine.rounds = static_cast<std::uint32_t>(argument("rounds"));
  machine.deadly = argument("deadly") != 0;
  for (std::uint64_t slot = 1; slot < 32 && machine.count < 16; ++slot) {
    const std::uint64_t config = kEcam + (slot << 15U);
    if (load<std::uint16_t>(config) != 0x1af4) {
      continue;
    }
    Device& device = machine.devices[machine.count++];
    device.config = config;
    device.type = static_cast<std::uint16_t>(load<std::uint16_t>(config + 2) - 0x1040);
    store<std::uint16_t>(config + 4, 2);
    device.bar = load<std::uint32_t>(config + 0x10) & ~0xfU;
    device.queues = load<std::uint16_t>(device.bar + 18);
    for (std::uint16_t queue = 0; queue < device.queues && queue < kQueuesMax; ++queue) {
      store(device.bar + kQueueSelect, queue);
      device.sizes[queue] = load<std::uint16_t>(device.bar + kQueueSize);
    }
    find_capabilities(device);
  }
}

}  // namespace hostile
