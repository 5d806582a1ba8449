// SPDX-License-Identifier: Apache-2.0
// A hostile driver against the queues of the socket device: packets of good form, and whatever it likes to
// write to its RAM, in any order with notifications, resets and the worker's turns.
#include <algorithm>
#include <array>
#include <cstdint>
#include <fuzzer/FuzzedDataProvider.h>
#include <memory>

#include "base/checked.hpp"
#include "base/error.hpp"
#include "testing/fake_msi_sink.hpp"
#include "testing/fake_streams.hpp"
#include "testing/fake_virtio_driver.hpp"
#include "testing/guest_ram.hpp"
#include "virtio/pci_transport.hpp"
#include "virtio/vsock.hpp"

namespace mayfly::virtio {
namespace {

constexpr std::uint64_t kGuestCid = 3;
constexpr std::uint64_t kRamBytes = 64 * kKiB;
/// Each queue has this much for its three areas; packets are made behind them.
constexpr std::uint64_t kRingBytes = 0x1000;
constexpr std::uint64_t kPacketsAt = 0x4000;
constexpr std::uint16_t kSlots = 16;

class FuzzWorker final : public vsock::Worker {
 public:
  void wake() noexcept override {}
};

/// The device on its RAM. Made once: a reset brings it back to its beginning.
class Machine {
 public:
  Machine() {
    auto device = std::make_unique<Vsock>(streams_, worker_, kGuestCid);
    device_ = device.get();
    transport_ = std::make_unique<PciTransport>(std::move(device), ram_.memory(), sink_);
    driver_ = std::make_unique<testing::FakeVirtioDriver>(*transport_);
    driver_->enable_msix();
  }

  void run(FuzzedDataProvider& input) {
    start(input.ConsumeIntegral<std::uint8_t>());
    for (int step = 0; step < 256 && input.remaining_bytes() > 0; ++step) {
      switch (input.ConsumeIntegralInRange(0, 9)) {
        case 0:
        case 1:
          send_packet(input);
          break;
        case 2:
        case 3:
          offer_buffers(input.ConsumeIntegralInRange<int>(1, kSlots), input.ConsumeIntegral<std::uint8_t>());
          break;
        case 4:
          if (const auto slot = device_->ask(input.ConsumeIntegralInRange<std::uint32_t>(0, 3))) {
            streams_.client(*slot).to_guest = "a client's first bytes";
          }
          break;
        case 5:
          client_moves(input);
          break;
        case 6: {
          std::array<std::byte, 64> bytes{};
          input.ConsumeData(bytes.data(), bytes.size());
          (void)ram_.memory().copy_in(GuestAddress(input.ConsumeIntegral<std::uint16_t>()), bytes);
          break;
        }
        case 7:
          write(input.ConsumeIntegral<std::uint16_t>(), input.ConsumeIntegral<std::uint16_t>());
          break;
        case 8:
          streams_.answer = static_cast<vsock::Streams::Connect>(input.ConsumeIntegralInRange(0, 2));
          break;
        default:
          if (input.ConsumeIntegralInRange(0, 7) == 0) {
            start(input.ConsumeIntegral<std::uint8_t>());
          }
          break;
      }
      device_->service();
      MAYFLY_ASSERT(streams_.count() <= vsock::Endpoint::kConnectionsMax);
    }
    driver_->reset();
    device_->service();
    MAYFLY_ASSERT(streams_.count() == 0);
    (void)streams_.take_closed();
    (void)sink_.take();
  }

 private:
  void send_packet(FuzzedDataProvider& input) {
    const std::uint16_t slot = avail_[Vsock::kTransmitQueue] % kSlots;
    const std::uint64_t at = kPacketsAt + 0x100ULL * slot;
    const auto bytes = input.ConsumeIntegralInRange<std::uint32_t>(0, 0x80);
    const vsock::Header header{.source_cid = kGuestCid,
                               .destination_cid = vsock::kHostCid,
                               .source_port = input.ConsumeIntegralInRange<std::uint32_t>(0, 3),
                               .destination_port = (input.ConsumeBool() ? vsock::Endpoint::kFirstPort : 0) +
                                                   input.ConsumeIntegralInRange<std::uint32_t>(0, 3),
                               .bytes = bytes,
                               .type = 1,
                               .operation = input.ConsumeIntegralInRange<std::uint16_t>(0, 8),
                               .flags = input.ConsumeIntegralInRange<std::uint32_t>(0, 3),
                               .buffer_bytes = input.ConsumeIntegral<std::uint16_t>(),
                               .forwarded_bytes = input.ConsumeIntegral<std::uint8_t>()};
    (void)ram_.memory().copy_in(GuestAddress(at), std::as_bytes(std::span(&header, 1)));
    const auto room = static_cast<std::uint32_t>(sizeof(header)) + bytes -
                      (input.ConsumeIntegralInRange(0, 63) == 0 ? 1U : 0U);
    publish(Vsock::kTransmitQueue, {at, room, 0, 0});
  }
  void offer_buffers(int count, std::uint32_t bytes) {
    for (int i = 0; i < count; ++i) {
      publish(Vsock::kReceiveQueue,
              {kPacketsAt + 0x2000, bytes < 8 ? bytes : bytes + 0x40, kDescriptorWrite, 0});
    }
  }
  void client_moves(FuzzedDataProvider& input) {
    const auto slot = input.ConsumeIntegralInRange<vsock::Slot>(0, 3);
    if (streams_.is_there(slot)) {
      auto& client = streams_.client(slot);
      client.to_guest.append(input.ConsumeIntegral<std::uint8_t>(), 'c');
      client.takes = input.ConsumeIntegral<std::uint8_t>();
      client.sends_no_more = client.sends_no_more || input.ConsumeIntegralInRange(0, 7) == 0;
      client.takes_no_more = client.takes_no_more || input.ConsumeIntegralInRange(0, 7) == 0;
    }
    switch (input.ConsumeIntegralInRange(0, 3)) {
      case 0:
        device_->connected(slot);
        break;
      case 1:
        device_->refused(slot);
        break;
      default:
        device_->ready(slot, input.ConsumeIntegralInRange<vsock::Endpoint::Readiness>(0, 7));
        break;
    }
  }
  void publish(std::uint16_t queue, const Descriptor& descriptor) {
    const std::uint64_t ring = kRingBytes * queue;
    const std::uint16_t slot = avail_[queue] % kSlots;
    write(ring + sizeof(Descriptor) * slot, descriptor);
    write(ring + 0x400 + kAvailRing + 2ULL * slot, slot);
    write(ring + 0x400 + kAvailIndex, ++avail_[queue]);
    driver_->notify(queue);
  }
  template <typename T>
  void write(std::uint64_t at, const T& value) {
    (void)ram_.memory().write(GuestAddress(at), value);
  }
  /// Queue i's areas are at kRingBytes * i + 0, 0x400 and 0x800.
  void start(std::uint8_t features) {
    avail_ = {};
    const std::array<std::byte, 3 * kRingBytes> zeros{};
    (void)ram_.memory().copy_in(GuestAddress(0), zeros);
    driver_->negotiate(kFeatureVersion1 | ((features & 1U) != 0 ? kFeatureIndirectDescriptors : 0) |
                       ((features & 2U) != 0 ? kFeatureEventIndex : 0));
    for (std::uint16_t queue = 0; queue < 3; ++queue) {
      driver_->write(22, queue);
      driver_->write<std::uint16_t>(24, queue == Vsock::kEventQueue ? 8 : kSlots);
      driver_->enable_queue_at(queue, static_cast<std::uint32_t>(kRingBytes * queue));
    }
    driver_->driver_ok();
  }

  testing::GuestRam ram_{kRamBytes};
  testing::FakeMsiSink sink_;
  testing::FakeStreams streams_;
  FuzzWorker worker_;
  Vsock* device_ = nullptr;
  std::unique_ptr<PciTransport> transport_;
  std::unique_ptr<testing::FakeVirtioDriver> driver_;
  std::array<std::uint16_t, 3> avail_{};
};

}  // namespace
}  // namespace mayfly::virtio

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static mayfly::virtio::Machine machine;
  FuzzedDataProvider input(data, size);
  machine.run(input);
  return 0;
}
