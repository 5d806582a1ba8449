// SPDX-License-Identifier: Apache-2.0
// Any configuration space of a device, and any accesses of a guest to it and to its BARs.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <fuzzer/FuzzedDataProvider.h>
#include <memory>

#include "base/error.hpp"
#include "testing/fake_guest_side.hpp"
#include "testing/fake_vfio_device.hpp"
#include "vfio/pci_function.hpp"

namespace mayfly::vfio {
namespace {

constexpr std::size_t kBarBytes = 0x4000;
constexpr std::uint16_t kCommand = 0x04;
constexpr std::uint16_t kBusMaster = 4;

/// The device: two BARs of memory, every kind of interrupt, and what the input says of the rest.
std::unique_ptr<testing::FakeVfioDevice> make_device(FuzzedDataProvider& input) {
  auto device = std::make_unique<testing::FakeVfioDevice>();
  const std::size_t bytes = input.ConsumeBool() ? 4096 : 256;
  const auto config = input.ConsumeBytes<std::uint8_t>(bytes);
  device->config.assign(bytes, std::byte{0});
  std::transform(config.begin(), config.end(), device->config.begin(),
                 [](std::uint8_t each) { return std::byte{each}; });
  device->add_bar(0, kBarBytes, 4);
  device->add_bar(2, kBarBytes, 0);
  device->counts = {{Interrupts::kIntx, 1},
                    {Interrupts::kMsi, input.ConsumeIntegralInRange(0U, 32U)},
                    {Interrupts::kMsix, input.ConsumeIntegralInRange(0U, 64U)}};
  device->refuse_events = input.ConsumeBool();
  return device;
}

void step(FuzzedDataProvider& input, PciFunction& function) {
  std::array<std::byte, 8> bytes{};
  const auto value = input.ConsumeIntegral<std::uint64_t>();
  std::memcpy(bytes.data(), &value, sizeof(value));
  const auto data = std::span(bytes).first(std::size_t{1} << input.ConsumeIntegralInRange(0U, 3U));
  const auto place = input.ConsumeIntegral<std::uint16_t>();
  const std::size_t bar = (place & 0x8000U) != 0 ? 2 : 0;
  const std::uint64_t offset = std::min<std::uint64_t>(place % kBarBytes, kBarBytes - data.size());
  switch (input.ConsumeIntegralInRange(0, 3)) {
    case 0:
      return function.config_read(place % 4096, data);
    case 1:
      return function.config_write(place % 4096, data);
    case 2:
      return function.bar_read(bar, offset, data);
    default:
      return function.bar_write(bar, offset, data);
  }
}

void run(FuzzedDataProvider& input) {
  testing::FakeEventInterrupts interrupts;
  testing::FakeGuestSlots slots;
  testing::FakeGate gate;
  auto owned = make_device(input);
  testing::FakeVfioDevice& device = *owned;
  const auto vendor = device.get<std::uint16_t>(0);
  PciFunction function(std::move(owned), "fuzzed",
                       {.interrupts = interrupts, .slots = slots, .gate = gate, .pin = 16});
  for (int i = 0; i < 512 && input.remaining_bytes() > 0; ++i) {
    step(input, function);
    // The device masters the bus only after the gate.
    MAYFLY_ASSERT(gate.passes > 0 || (device.get<std::uint16_t>(kCommand) & kBusMaster) == 0);
  }
  std::uint16_t seen = 0;
  function.config_read(0, std::as_writable_bytes(std::span(&seen, 1)));
  MAYFLY_ASSERT(seen == vendor);
}

}  // namespace
}  // namespace mayfly::vfio

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider input(data, size);
  mayfly::vfio::run(input);
  return 0;
}
