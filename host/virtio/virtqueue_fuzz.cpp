// SPDX-License-Identifier: Apache-2.0
// A hostile driver against the queues of every device: it writes what it likes to its RAM, and notifies,
// resets and wakes in any order.
#include <algorithm>
#include <array>
#include <cstdint>
#include <fuzzer/FuzzedDataProvider.h>
#include <memory>
#include <vector>

#include "base/checked.hpp"
#include "base/error.hpp"
#include "testing/fake_msi_sink.hpp"
#include "testing/fake_virtio_driver.hpp"
#include "testing/guest_ram.hpp"
#include "virtio/console.hpp"
#include "virtio/pci_transport.hpp"
#include "virtio/pmem.hpp"
#include "virtio/rng.hpp"

namespace mayfly::virtio {
namespace {

constexpr std::uint64_t kRamBytes = 64 * kKiB;
/// Each queue has this much for its three areas; buffers may be anywhere.
constexpr std::uint64_t kRingBytes = 0x1000;

class Backend final : public io::PortBackend {
 public:
  void from_guest(std::span<const std::byte> bytes) noexcept override { MAYFLY_ASSERT(!bytes.empty()); }
  std::size_t to_guest(std::span<std::byte> buffer) noexcept override {
    MAYFLY_ASSERT(!buffer.empty());
    // Now full, now short, now nothing.
    const std::size_t bytes = ++calls_ % 4 == 0 ? 0 : std::min<std::size_t>(buffer.size(), calls_ % 100);
    std::fill_n(buffer.begin(), bytes, std::byte{'x'});
    return bytes;
  }

 private:
  std::size_t calls_ = 0;
};

/// All devices on one RAM. Made once: a reset brings each back to its beginning.
class Machine {
 public:
  Machine() {
    auto console = std::make_unique<Console>(
        ConsoleConfig{.ports = {{.kind = PortKind::kConsole, .name = "", .backend = &backend_},
                                {.kind = PortKind::kGeneric, .name = "mayfly.channel", .backend = &backend_}},
                      .size = {}});
    console_ = console.get();
    add(std::move(console));
    add(std::make_unique<Pmem>(GuestRange{GuestAddress(1ULL << 32U), 0x200000}));
    add(std::make_unique<Rng>());
  }

  void run(FuzzedDataProvider& input) {
    const std::vector<std::byte> zeros(kRamBytes);
    (void)ram_.memory().copy_in(GuestAddress(0), zeros);
    const std::size_t device = input.ConsumeIntegralInRange<std::size_t>(0, transports_.size() - 1);
    testing::FakeVirtioDriver driver(*transports_[device]);
    const auto queues = driver.read<std::uint16_t>(18);
    start(driver, queues, input.ConsumeIntegral<std::uint64_t>());
    std::array<std::uint16_t, 16> avail{};
    for (int step = 0; step < 256 && input.remaining_bytes() > 0; ++step) {
      const auto queue =
          input.ConsumeIntegralInRange<std::uint16_t>(0, static_cast<std::uint16_t>(queues - 1));
      const std::uint64_t ring = kRingBytes * queue;
      switch (input.ConsumeIntegralInRange(0, 7)) {
        case 0:
          write(input.ConsumeIntegral<std::uint16_t>(), input.ConsumeIntegral<std::uint16_t>());
          break;
        case 1: {
          std::array<std::byte, 64> bytes{};
          input.ConsumeData(bytes.data(), bytes.size());
          (void)ram_.memory().copy_in(GuestAddress(input.ConsumeIntegral<std::uint16_t>()), bytes);
          break;
        }
        case 2:
          write(ring + sizeof(Descriptor) * input.ConsumeIntegralInRange<std::uint64_t>(0, 15),
                Descriptor{input.ConsumeIntegralInRange<std::uint64_t>(0, kRamBytes),
                           input.ConsumeIntegral<std::uint16_t>(),
                           input.ConsumeIntegralInRange<std::uint16_t>(0, 7),
                           input.ConsumeIntegralInRange<std::uint16_t>(0, 16)});
          break;
        case 3:
        case 4:
          write(ring + 0x400 + kAvailRing + 2ULL * (avail[queue] % 16U),
                input.ConsumeIntegralInRange<std::uint16_t>(0, 15));
          write(ring + 0x400 + kAvailIndex, ++avail[queue]);
          driver.notify(queue);
          break;
        case 5:
          driver.notify(queue);
          break;
        case 6:
          console_->wake(queue % 2);
          break;
        default:
          avail = {};
          start(driver, queues, input.ConsumeIntegral<std::uint64_t>());
          break;
      }
    }
    driver.reset();
    (void)sink_.take();
  }

 private:
  void add(std::unique_ptr<VirtioDevice> device) {
    transports_.push_back(std::make_unique<PciTransport>(std::move(device), ram_.memory(), sink_));
    testing::FakeVirtioDriver(*transports_.back()).enable_msix();
  }
  template <typename T>
  void write(std::uint64_t at, const T& value) {
    (void)ram_.memory().write(GuestAddress(at), value);
  }
  /// Queue i's areas are at kRingBytes * i + 0, 0x400 and 0x800.
  static void start(testing::FakeVirtioDriver& driver, std::uint16_t queues, std::uint64_t features) {
    driver.negotiate((features & driver.offered()) | kFeatureVersion1);
    for (std::uint16_t queue = 0; queue < queues; ++queue) {
      driver.enable_queue_at(queue, static_cast<std::uint32_t>(kRingBytes * queue));
    }
    driver.driver_ok();
  }

  testing::GuestRam ram_{kRamBytes};
  testing::FakeMsiSink sink_;
  Backend backend_;
  Console* console_ = nullptr;
  std::vector<std::unique_ptr<PciTransport>> transports_;
};

}  // namespace
}  // namespace mayfly::virtio

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static mayfly::virtio::Machine machine;
  FuzzedDataProvider input(data, size);
  machine.run(input);
  return 0;
}
