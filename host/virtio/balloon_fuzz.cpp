// SPDX-License-Identifier: Apache-2.0
// A hostile driver against the balloon, before a HeldMemory that answers when it likes and keeps books of its
// own: nothing is held twice, nothing is released that is not held, and no deflate is acknowledged while some
// of what it names is still on its way.
#include <array>
#include <bitset>
#include <cstdint>
#include <fuzzer/FuzzedDataProvider.h>
#include <memory>
#include <vector>

#include "base/checked.hpp"
#include "base/error.hpp"
#include "testing/fake_held_memory.hpp"
#include "testing/fake_msi_sink.hpp"
#include "testing/fake_virtio_driver.hpp"
#include "testing/guest_ram.hpp"
#include "virtio/balloon.hpp"
#include "virtio/pci_transport.hpp"

namespace mayfly::virtio {
namespace {

using Answer = HeldMemory::Answer;
constexpr std::uint64_t kUnit = HeldMemory::kUnit;
constexpr std::uint64_t kUnits = 4;
constexpr std::uint64_t kRingBytes = 0x1000;
constexpr std::uint64_t kRequestsAt = 0x10000;

/// A balloon in a guest of four units, and the wire of its driver.
class Machine {
 public:
  explicit Machine(FuzzedDataProvider& input) : input_(input) {
    auto balloon = std::make_unique<Balloon>(held_, ram().memory(), 2 * kUnit,
                                             input.ConsumeBool() ? BalloonUse::kBridge : BalloonUse::kLend);
    balloon_ = balloon.get();
    const std::vector<std::byte> zeros(2 * kRingBytes);
    (void)ram().memory().copy_in(GuestAddress(0), zeros);
    transport_ = std::make_unique<PciTransport>(std::move(balloon), ram().memory(), sink_);
    driver_ = std::make_unique<testing::FakeVirtioDriver>(*transport_);
    driver_->enable_msix();
  }

  void run() {
    start();
    for (int step = 0; step < 128 && input_.remaining_bytes() > 0; ++step) {
      switch (input_.ConsumeIntegralInRange(0, 8)) {
        case 0:
        case 1:
        case 2:
          send(input_.ConsumeIntegralInRange<std::uint16_t>(0, 1));
          break;
        case 3:
          held_.answer(input_.ConsumeBool() ? Answer::kNow : Answer::kLater);
          break;
        case 4:
          (void)held_.finish_one();
          held_.finish_ready();
          break;
        case 5:
          start();
          break;
        case 6:
          balloon_->set_target(input_.ConsumeIntegral<std::uint64_t>());
          break;
        case 7:
          driver_->write(testing::FakeVirtioDriver::kDeviceConfig + input_.ConsumeIntegralInRange(0U, 8U),
                         input_.ConsumeIntegral<std::uint32_t>());
          break;
        default:
          // As hostile as it gets: any byte of the rings. What they say is worth nothing afterwards.
          honest_ = false;
          (void)ram().memory().write(GuestAddress(input_.ConsumeIntegralInRange<std::uint64_t>(0, 0x1fff)),
                                     input_.ConsumeIntegral<std::uint8_t>());
          driver_->notify(input_.ConsumeIntegralInRange<std::uint16_t>(0, 1));
          break;
      }
      check();
      (void)sink_.take();
    }
    held_.finish_all();
    driver_->reset();
    held_.finish_all();
    MAYFLY_ASSERT(held_.held().empty());
  }

 private:
  /// Made once: 8 MiB take longer to clear than a run takes.
  static testing::GuestRam& ram() {
    static testing::GuestRam ram(kUnits * kUnit);
    return ram;
  }
  void start() {
    avail_ = {};
    honest_ = true;
    const std::uint64_t choice = input_.ConsumeIntegral<std::uint8_t>();
    early_ = (choice & 1U) != 0;
    driver_->negotiate(kFeatureVersion1 | (early_ ? Balloon::kFeatureEarlyRanges : 0) |
                       ((choice & 2U) != 0 ? Balloon::kFeatureMustTellHost : 0) |
                       ((choice & 4U) != 0 ? kFeatureIndirectDescriptors : 0));
    for (std::uint16_t queue = 0; queue < 2; ++queue) {
      const auto at = static_cast<std::uint32_t>(kRingBytes * queue);
      driver_->enable_queue_at(queue, at);
      const std::array<std::byte, kRingBytes> zeros{};
      (void)ram().memory().copy_in(GuestAddress(at), zeros);
    }
    driver_->driver_ok();
  }

  /// One request of a few entries, mostly of good form.
  void send(std::uint16_t queue) {
    const std::uint64_t at = kRequestsAt + kRingBytes * queue;
    const auto count = input_.ConsumeIntegralInRange<std::uint64_t>(1, 4);
    std::uint64_t bytes = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      bytes += early_ ? put_range(at + bytes) : put_pages(at + bytes);
    }
    bytes += input_.ConsumeIntegralInRange(0, 15) == 0 ? 3U : 0U;
    const std::uint16_t slot = avail_[queue] % 4U;
    const std::uint64_t ring = kRingBytes * queue;
    write(ring + sizeof(Descriptor) * slot, Descriptor{at, static_cast<std::uint32_t>(bytes), 0, 0});
    write(ring + 0x400 + kAvailRing + 2ULL * slot, slot);
    write(ring + 0x400 + kAvailIndex, ++avail_[queue]);
    const std::size_t waiting = held_.waiting();
    driver_->notify(queue);
    if (honest_ && held_.waiting() > waiting) {
      MAYFLY_ASSERT(queue == Balloon::kDeflateQueue);
      MAYFLY_ASSERT(ram().memory().read<std::uint16_t>(GuestAddress(ring + 0x800 + kUsedIndex)) !=
                    avail_[queue]);
    }
  }
  std::uint64_t put_range(std::uint64_t at) {
    const bool wild = input_.ConsumeIntegralInRange(0, 7) == 0;
    const Balloon::RangeEntry entry{wild ? input_.ConsumeIntegral<std::uint64_t>()
                                         : kUnit * input_.ConsumeIntegralInRange<std::uint64_t>(0, kUnits),
                                    wild ? input_.ConsumeIntegral<std::uint64_t>()
                                         : kUnit * input_.ConsumeIntegralInRange<std::uint64_t>(0, 2)};
    (void)ram().memory().write(GuestAddress(at), entry);
    return sizeof(entry);
  }
  /// A run of page numbers, 255 at most, so that units fill up and break.
  std::uint64_t put_pages(std::uint64_t at) {
    const auto first = input_.ConsumeIntegralInRange<std::uint32_t>(0, kUnits * 512);
    const auto count = input_.ConsumeIntegral<std::uint8_t>();
    for (std::uint32_t i = 0; i < count; ++i) {
      write(at + sizeof(i) * i, first + i);
    }
    return sizeof(std::uint32_t) * count;
  }
  template <typename T>
  void write(std::uint64_t at, const T& value) {
    (void)ram().memory().write(GuestAddress(at), value);
  }

  void check() const {
    std::bitset<kUnits> seen;
    for (const GuestRange& unit : held_.held()) {
      const std::uint64_t number = unit.start.raw() / kUnit;
      MAYFLY_ASSERT(number < kUnits && !seen[number]);
      seen[number] = true;
    }
    const BalloonCounts counts = balloon_->counts();
    MAYFLY_ASSERT(counts.held_bytes <= kUnits * kUnit);
    MAYFLY_ASSERT(counts.held_bytes >= held_.held().size() * kUnit);
  }

  FuzzedDataProvider& input_;
  testing::FakeMsiSink sink_;
  testing::FakeHeldMemory held_{{GuestAddress(0), kUnits* kUnit}};
  Balloon* balloon_ = nullptr;
  std::unique_ptr<PciTransport> transport_;
  std::unique_ptr<testing::FakeVirtioDriver> driver_;
  std::array<std::uint16_t, 2> avail_{};
  bool early_ = false;
  bool honest_ = true;
};

}  // namespace
}  // namespace mayfly::virtio

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider input(data, size);
  mayfly::virtio::Machine(input).run();
  return 0;
}
