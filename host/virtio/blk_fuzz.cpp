// SPDX-License-Identifier: Apache-2.0
// A hostile driver against the block device: it writes what it wants to its RAM, rings and resets in any
// order, and the disk refuses when it likes. FakeBlockStore stops at whatever lies outside the disk.
#include <cerrno>
#include <cstdint>
#include <fuzzer/FuzzedDataProvider.h>
#include <memory>
#include <vector>

#include "base/checked.hpp"
#include "base/error.hpp"
#include "testing/fake_block_store.hpp"
#include "testing/fake_msi_sink.hpp"
#include "testing/fake_virtio_driver.hpp"
#include "testing/guest_ram.hpp"
#include "virtio/blk.hpp"
#include "virtio/pci_transport.hpp"

namespace mayfly::virtio {
namespace {

constexpr std::uint64_t kRamBytes = 32 * kKiB;
constexpr std::uint64_t kDiskBytes = 16 * kKiB;
constexpr std::uint16_t kQueueSize = 16;
constexpr std::uint64_t kAvailAt = 0x400;
/// Headers of requests and ranges; buffers may be anywhere.
constexpr std::uint64_t kWordsAt = 0x1000;

class HostileMachine {
 public:
  explicit HostileMachine(FuzzedDataProvider& input)
      : input_(input),
        store_({.bytes = kDiskBytes,
                .unit_bytes = input.ConsumeBool() ? 512U : 4096U,
                .is_read_only = input.ConsumeBool()}) {
    const std::vector<std::byte> zeros(kRamBytes);
    (void)ram().memory().copy_in(GuestAddress(0), zeros);
    auto blk = std::make_unique<Blk>(store_, "fuzzed");
    blk_ = blk.get();
    transport_ = std::make_unique<PciTransport>(std::move(blk), ram().memory(), sink_);
    driver_ = std::make_unique<testing::FakeVirtioDriver>(*transport_);
    driver_->enable_msix();
  }

  void run() {
    start();
    for (int step = 0; step < 256 && input_.remaining_bytes() > 0; ++step) {
      switch (input_.ConsumeIntegralInRange(0, 8)) {
        case 0:
          write(input_.ConsumeIntegral<std::uint16_t>(), input_.ConsumeIntegral<std::uint16_t>());
          break;
        case 1:
        case 2:
          write(sizeof(Descriptor) * input_.ConsumeIntegralInRange<std::uint64_t>(0, kQueueSize - 1U),
                Descriptor{input_.ConsumeIntegralInRange<std::uint64_t>(0, kRamBytes),
                           input_.ConsumeIntegral<std::uint16_t>(),
                           input_.ConsumeIntegralInRange<std::uint16_t>(0, 7),
                           input_.ConsumeIntegralInRange<std::uint16_t>(0, kQueueSize)});
          break;
        case 3:
          put_request();
          break;
        case 4:
          write(kAvailAt + kAvailRing + 2ULL * (avail_ % kQueueSize),
                input_.ConsumeIntegralInRange<std::uint16_t>(0, kQueueSize - 1U));
          write(kAvailAt + kAvailIndex, ++avail_);
          driver_->notify(0);
          break;
        case 5:
          (void)blk_->serve();
          break;
        case 6:
          store_.error = input_.ConsumeBool() ? EIO : 0;
          break;
        case 7:
          if (input_.ConsumeIntegralInRange(0, 7) == 0) {
            start();
          }
          break;
        default:
          driver_->notify(0);
          break;
      }
    }
    // There need not be an end: what a request reads may be the ring itself.
    for (int served = 0; served < 64 && blk_->serve(); ++served) {
    }
    const BlkCounts counts = blk_->counts();
    MAYFLY_ASSERT(counts.read_bytes <= counts.reads * kDiskBytes &&
                  counts.written_bytes <= counts.writes * kDiskBytes);
    driver_->reset();
    MAYFLY_ASSERT(!blk_->serve());
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
  /// An honest chain of three at descriptor 0, whose words are not.
  void put_request() {
    const std::uint64_t words = kWordsAt + 64ULL * input_.ConsumeIntegralInRange<std::uint64_t>(0, 3);
    write(words, BlkHeader{.type = input_.ConsumeIntegralInRange<std::uint32_t>(0, 14),
                           .sector = input_.ConsumeIntegralInRange<std::uint64_t>(0, 40)});
    write(words + sizeof(BlkHeader), BlkRange{.sector = input_.ConsumeIntegralInRange<std::uint64_t>(0, 40),
                                              .sectors = input_.ConsumeIntegralInRange<std::uint32_t>(0, 40),
                                              .flags = input_.ConsumeIntegralInRange<std::uint32_t>(0, 2)});
    const bool has_data = input_.ConsumeBool();
    write(0, Descriptor{words, has_data ? 32U : 16U, kDescriptorNext, 1});
    write(16, Descriptor{
                  0x2000, 512U * input_.ConsumeIntegralInRange<std::uint32_t>(0, 9),
                  static_cast<std::uint16_t>(kDescriptorNext | (input_.ConsumeBool() ? kDescriptorWrite : 0)),
                  2});
    write(32, Descriptor{0x7000, 1, kDescriptorWrite, 0});
  }
  void start() {
    avail_ = 0;
    driver_->negotiate((input_.ConsumeIntegral<std::uint64_t>() & driver_->offered()) | kFeatureVersion1);
    driver_->write<std::uint16_t>(22, 0);
    driver_->write(24, kQueueSize);
    driver_->enable_queue_at(0, 0);
    driver_->driver_ok();
  }

  FuzzedDataProvider& input_;
  testing::FakeMsiSink sink_;
  testing::FakeBlockStore store_;
  Blk* blk_ = nullptr;
  std::unique_ptr<PciTransport> transport_;
  std::unique_ptr<testing::FakeVirtioDriver> driver_;
  std::uint16_t avail_ = 0;
};

}  // namespace
}  // namespace mayfly::virtio

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider input(data, size);
  mayfly::virtio::HostileMachine(input).run();
  return 0;
}
