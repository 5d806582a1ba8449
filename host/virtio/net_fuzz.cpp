// SPDX-License-Identifier: Apache-2.0
// A hostile driver against the network device with two pairs of queues, with a network that sends what it
// likes: the driver writes what it wants to its RAM, asks for what it wants in the control queue, rings and
// resets in any order, and the ports come to an end.
#include <array>
#include <cstdint>
#include <fuzzer/FuzzedDataProvider.h>
#include <memory>
#include <string>
#include <vector>

#include "base/checked.hpp"
#include "base/error.hpp"
#include "testing/fake_event_loop.hpp"
#include "testing/fake_msi_sink.hpp"
#include "testing/fake_packet_port.hpp"
#include "testing/fake_virtio_driver.hpp"
#include "testing/guest_ram.hpp"
#include "virtio/net.hpp"
#include "virtio/pci_transport.hpp"

namespace mayfly::virtio {
namespace {

constexpr std::uint64_t kRamBytes = 64 * kKiB;
/// Each queue has this much for its three areas; buffers may be anywhere.
constexpr std::uint64_t kRingBytes = 0x1000;
constexpr std::uint16_t kQueueSize = 16;
constexpr std::size_t kPairs = 2;
constexpr std::uint16_t kQueues = 2 * kPairs + 1;

class Machine {
 public:
  explicit Machine(FuzzedDataProvider& input) : input_(input) {
    const std::vector<std::byte> zeros(kRamBytes);
    (void)ram().memory().copy_in(GuestAddress(0), zeros);
    std::vector<NetEnd> ends;
    for (testing::FakePacketPort& port : ports_) {
      ends.push_back({port, loop_});
    }
    auto net = std::make_unique<Net>(std::move(ends), Net::Mac{2, 0, 0, 0, 0, 1});
    net_ = net.get();
    transport_ = std::make_unique<PciTransport>(std::move(net), ram().memory(), sink_);
    driver_ = std::make_unique<testing::FakeVirtioDriver>(*transport_);
    driver_->enable_msix();
  }

  void run() {
    start();
    for (int step = 0; step < 256 && input_.remaining_bytes() > 0; ++step) {
      const auto queue = input_.ConsumeIntegralInRange<std::uint16_t>(0, kQueues - 1U);
      const std::uint64_t ring = kRingBytes * queue;
      switch (input_.ConsumeIntegralInRange(0, 10)) {
        case 0:
          write(input_.ConsumeIntegral<std::uint16_t>(), input_.ConsumeIntegral<std::uint16_t>());
          break;
        case 1:
        case 2:
          write(ring + sizeof(Descriptor) * input_.ConsumeIntegralInRange<std::uint64_t>(0, kQueueSize - 1U),
                Descriptor{input_.ConsumeIntegralInRange<std::uint64_t>(0, kRamBytes),
                           input_.ConsumeIntegral<std::uint16_t>(),
                           input_.ConsumeIntegralInRange<std::uint16_t>(0, 7),
                           input_.ConsumeIntegralInRange<std::uint16_t>(0, kQueueSize)});
          break;
        case 3:
        case 4:
          write(ring + 0x400 + kAvailRing + 2ULL * (avail_[queue] % kQueueSize),
                input_.ConsumeIntegralInRange<std::uint16_t>(0, kQueueSize - 1U));
          write(ring + 0x400 + kAvailIndex, ++avail_[queue]);
          driver_->notify(queue);
          break;
        case 5:
          (void)ports_[queue % kPairs].put(input_.ConsumeRandomLengthString(64) +
                                           std::string(input_.ConsumeIntegral<std::uint16_t>() % 4096U, 'x'));
          break;
        case 6:
        case 7:
          (void)loop_.take_turn();
          break;
        case 8:
          start();
          break;
        case 9:
          put_command();
          break;
        default:
          if (input_.ConsumeIntegralInRange(0, 31) == 0) {
            ports_[queue % kPairs].close_network();
          }
          driver_->notify(queue);
          break;
      }
    }
    // Whatever the driver does, the loop comes to rest, and what was sent fits into what there is.
    MAYFLY_ASSERT(loop_.settle());
    const NetCounts counts = net_->counts();
    MAYFLY_ASSERT(counts.sent_bytes <= counts.sent_packets * Net::kPacketBytesMax);
    driver_->reset();
    MAYFLY_ASSERT(loop_.settle());
  }

 private:
  static testing::GuestRam& ram() {
    static testing::GuestRam ram(kRamBytes);
    return ram;
  }
  template <typename T>
  void write(std::uint64_t at, const T& value) {
    (void)ram().memory().write(GuestAddress(at), value);
  }
  /// One that makes sense, or nearly, with room for its answer, in whichever queue the device looks for it.
  void put_command() {
    const std::uint16_t queue = input_.ConsumeBool() ? kQueues - 1U : 2U;
    const std::uint64_t ring = kRingBytes * queue;
    const NetCommand command{{input_.ConsumeIntegralInRange<std::uint8_t>(3, 5),
                              input_.ConsumeIntegralInRange<std::uint8_t>(0, 1)},
                             input_.ConsumeIntegralInRange<std::uint16_t>(0, 3)};
    write(ring + kRingBytes - 64, command);
    write(ring, Descriptor{ring + kRingBytes - 64, sizeof(command), kDescriptorNext, 1});
    write(ring + sizeof(Descriptor), Descriptor{ring + kRingBytes - 32, 1, kDescriptorWrite, 0});
    write<std::uint16_t>(ring + 0x400 + kAvailRing + 2ULL * (avail_[queue] % kQueueSize), 0);
    write(ring + 0x400 + kAvailIndex, ++avail_[queue]);
    driver_->notify(queue);
  }
  /// Queue i's areas are at kRingBytes * i + 0, 0x400 and 0x800.
  void start() {
    avail_ = {};
    driver_->negotiate((input_.ConsumeIntegral<std::uint64_t>() & driver_->offered()) | kFeatureVersion1);
    for (std::uint16_t queue = 0; queue < kQueues; ++queue) {
      driver_->write(22, queue);
      driver_->write(24, kQueueSize);
      driver_->enable_queue_at(queue, static_cast<std::uint32_t>(kRingBytes * queue));
    }
    driver_->driver_ok();
  }

  FuzzedDataProvider& input_;
  testing::FakeMsiSink sink_;
  testing::FakeEventLoop loop_;
  std::array<testing::FakePacketPort, kPairs> ports_{testing::FakePacketPort{io::kAllOffloads},
                                                     testing::FakePacketPort{io::kAllOffloads}};
  Net* net_ = nullptr;
  std::unique_ptr<PciTransport> transport_;
  std::unique_ptr<testing::FakeVirtioDriver> driver_;
  std::array<std::uint16_t, kQueues> avail_{};
};

}  // namespace
}  // namespace mayfly::virtio

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider input(data, size);
  mayfly::virtio::Machine(input).run();
  return 0;
}
