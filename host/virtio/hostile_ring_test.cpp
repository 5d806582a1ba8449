// SPDX-License-Identifier: Apache-2.0
// The driver changes guest memory between any two reads of the device.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "base/checked.hpp"
#include "testing/fake_driver_ring.hpp"
#include "testing/fake_msi_sink.hpp"
#include "testing/fake_virtio_driver.hpp"
#include "testing/guest_ram.hpp"
#include "testing/hostile_page.hpp"
#include "virtio/console.hpp"
#include "virtio/console_control.hpp"
#include "virtio/pci_transport.hpp"
#include "virtio/pmem.hpp"
#include "virtio/rng.hpp"

namespace mayfly::virtio {
namespace {

using testing::HostilePage;

// A page with one queue and its buffers.
constexpr std::uint16_t kSize = 4;
constexpr std::uint64_t kDescriptors = 0x000;
constexpr std::uint64_t kDriverArea = 0x100;
constexpr std::uint64_t kDeviceArea = 0x200;
constexpr std::uint64_t kBuffers = 0x400;
constexpr QueueSetup kSetup{.index = 0,
                            .size = kSize,
                            .descriptors = GuestAddress(kDescriptors),
                            .driver_area = GuestAddress(kDriverArea),
                            .device_area = GuestAddress(kDeviceArea)};
/// Outside the page, and with a length that would run far beyond any copy's end.
constexpr Descriptor kEvil{0xffff'0000, 0x4000'0000, kDescriptorNext, 0xffff};
/// More than any honest round below makes, and few enough to be called bounded.
constexpr std::size_t kAccessesMax = 500;

class QuietLink final : public DriverLink {
 public:
  void queue_interrupt(std::uint16_t /*queue*/) noexcept override {}
  void config_interrupt() noexcept override {}
  void needs_reset(std::uint16_t /*queue*/, QueueFault fault) noexcept override { last = fault; }
  std::optional<QueueFault> last;
};

/// What to do to the page after the access number `when`, counted from 1.
struct Attack {
  std::size_t when = 0;
  std::function<void(std::byte*)> change;
};

void carry_out(HostilePage& page, std::size_t /*offset*/, void* context) {
  const auto& attack = *static_cast<const Attack*>(context);
  if (page.accesses() == attack.when) {
    attack.change(page.bytes());
  }
}

void put_evil_descriptors(std::byte* page) {
  for (std::size_t i = 0; i < kSize; ++i) {
    std::memcpy(page + kDescriptors + sizeof(kEvil) * i, &kEvil, sizeof(kEvil));
  }
}

/// A chain of two readable buffers and a writable one; the heads of all four entries are 0.
void put_honest_chain(GuestMemory& memory) {
  const std::array<std::byte, HostilePage::kBytes> zeros{};
  ASSERT_TRUE(memory.copy_in(GuestAddress(0), zeros));
  ASSERT_TRUE(memory.write(GuestAddress(kDescriptors), (Descriptor{kBuffers, 4, kDescriptorNext, 1})));
  ASSERT_TRUE(
      memory.write(GuestAddress(kDescriptors + 16), (Descriptor{kBuffers + 0x100, 4, kDescriptorNext, 2})));
  ASSERT_TRUE(
      memory.write(GuestAddress(kDescriptors + 32), (Descriptor{kBuffers + 0x200, 64, kDescriptorWrite, 0})));
  ASSERT_TRUE(memory.write(GuestAddress(kDriverArea + kAvailIndex), std::uint16_t{1}));
}

TEST(HostileRing, AChainIsEitherWhatWasCheckedOrAFault) {
  HostilePage page;
  int chains = 0;
  int faults = 0;
  for (std::size_t when = 1;; ++when) {
    put_honest_chain(page.driver_memory());
    QuietLink link;
    auto queue = VirtQueue::create(kSetup, kFeatureVersion1, page.memory(), link);
    ASSERT_TRUE(queue);
    Attack attack{when, put_evil_descriptors};
    page.on_access(carry_out, &attack);
    queue->arm();
    std::array<std::byte, 16> out{};
    if (auto chain = queue->pop()) {
      ++chains;
      EXPECT_EQ(chain->readable(), 8U) << when;
      EXPECT_EQ(chain->writable(), 64U) << when;
      EXPECT_EQ(chain->read(out), 8U);
      EXPECT_EQ(chain->write(out), 16U);
      queue->push_used(std::move(*chain));
    } else {
      ++faults;
      EXPECT_TRUE(link.last) << when;
    }
    const std::size_t accesses = page.accesses();
    page.on_access(nullptr, nullptr);
    ASSERT_LT(accesses, kAccessesMax);
    if (accesses < when) {
      break;  // The attack would have come after the end.
    }
  }
  EXPECT_GE(chains, 3) << "attacks after the last descriptor was read";
  EXPECT_GE(faults, 3) << "attacks before";
}

TEST(HostileRing, AnIndexThatNeverStandsStillIsAFault) {
  for (const std::uint64_t features : {kFeatureVersion1, kFeatureVersion1 | kFeatureEventIndex}) {
    HostilePage page;
    put_honest_chain(page.driver_memory());
    QuietLink link;
    auto queue = VirtQueue::create(kSetup, features, page.memory(), link);
    ASSERT_TRUE(queue);
    page.on_access(
        [](HostilePage& hostile, std::size_t offset, void* /*context*/) {
          if (offset == kDriverArea + kAvailIndex) {
            hostile.bytes()[offset] ^= std::byte{3};
          }
        },
        nullptr);
    queue->arm();
    const std::size_t accesses = page.accesses();
    page.on_access(nullptr, nullptr);
    EXPECT_EQ(link.last, QueueFault::kAvailIndexWrong);
    EXPECT_LT(accesses, 10U * kSize);
  }
}

/// One attack on one queue of a whole device.
class HostileDevice {
 public:
  HostileDevice(HostilePage& page, std::unique_ptr<VirtioDevice> device, std::uint64_t features,
                std::uint16_t queue)
      : page_(page), transport_(std::move(device), page.memory(), sink_), driver_(transport_), queue_(queue) {
    driver_.negotiate(features);
    driver_.write(22, queue);
    driver_.write(24, kSize);
    driver_.write(32, static_cast<std::uint32_t>(kDescriptors));
    driver_.write(40, static_cast<std::uint32_t>(kDriverArea));
    driver_.write(48, static_cast<std::uint32_t>(kDeviceArea));
    driver_.write<std::uint16_t>(28, 1);
    driver_.driver_ok();
  }
  /// Returns the number of accesses that the notification took.
  std::size_t notify(Attack attack) {
    page_.on_access(carry_out, &attack);
    driver_.notify(queue_);
    const std::size_t accesses = page_.accesses();
    page_.on_access(nullptr, nullptr);
    return accesses;
  }

 private:
  HostilePage& page_;
  testing::FakeMsiSink sink_;
  PciTransport transport_;
  testing::FakeVirtioDriver driver_;
  std::uint16_t queue_;
};

class Swallow final : public io::PortBackend {
 public:
  void from_guest(std::span<const std::byte> bytes) noexcept override { swallowed += bytes.size(); }
  std::size_t to_guest(std::span<std::byte> buffer) noexcept override {
    std::fill(buffer.begin(), buffer.end(), std::byte{'x'});
    return buffer.size();
  }
  std::size_t swallowed = 0;
};

/// Which device, which of its queues, and the form of an honest chain there.
struct Target {
  const char* name;
  std::function<std::unique_ptr<VirtioDevice>(Swallow&)> make;
  std::uint16_t queue;
  std::uint16_t flags;
  std::uint32_t bytes;
  /// To be accepted beside what the test is about.
  std::uint64_t features;
};

constexpr std::uint64_t kMultiport = 2;

std::unique_ptr<VirtioDevice> make_console(Swallow& backend) {
  return std::make_unique<Console>(
      ConsoleConfig{.ports = {{.kind = PortKind::kConsole, .name = "", .backend = &backend}}, .size = {}});
}

class EveryDevice : public ::testing::TestWithParam<Target> {};

TEST_P(EveryDevice, SurvivesAChangeAfterEachAccess) {
  const Target& target = GetParam();
  const std::array<std::function<void(std::byte*)>, 4> changes{
      put_evil_descriptors,
      [](std::byte* page) { std::memset(page, 0xff, HostilePage::kBytes); },
      [](std::byte* page) { std::memset(page, 0, HostilePage::kBytes); },
      [](std::byte* page) { std::memset(page, 0x01, HostilePage::kBytes); },
  };
  HostilePage page;
  for (std::uint64_t features : {kFeatureVersion1, kFeatureVersion1 | kFeatureIndirectDescriptors}) {
    for (const auto& change : changes) {
      std::size_t accesses = 1;
      for (std::size_t when = 1; when <= accesses; ++when) {
        put_honest_chain(page.driver_memory());
        ASSERT_TRUE(page.driver_memory().write(GuestAddress(kDescriptors),
                                               (Descriptor{kBuffers, target.bytes, target.flags, 1})));
        ASSERT_TRUE(page.driver_memory().write(GuestAddress(kDriverArea + kAvailIndex), kSize));
        Swallow backend;
        HostileDevice device(page, target.make(backend), features | target.features, target.queue);
        ::testing::internal::CaptureStderr();
        accesses = device.notify({when, change});
        (void)::testing::internal::GetCapturedStderr();
        ASSERT_LT(accesses, kAccessesMax) << "attack after access " << when;
        ASSERT_LE(backend.swallowed, std::size_t{kSize} * HostilePage::kBytes);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    HostileRing, EveryDevice,
    ::testing::Values(Target{"Rng", [](Swallow&) { return std::make_unique<Rng>(); }, 0, kDescriptorWrite, 64,
                             0},
                      Target{"Pmem", [](Swallow&) { return std::make_unique<Pmem>(GuestRange{}); }, 0,
                             kDescriptorNext, 4, 0},
                      Target{"ConsoleReceive", make_console, 0, kDescriptorWrite, 64, 0},
                      Target{"ConsoleTransmit", make_console, 1, 0, 64, 0},
                      Target{"ConsoleControlOut", make_console, 3, 0, sizeof(ControlMessage), kMultiport}),
    [](const auto& instance) { return std::string(instance.param.name); });

TEST(HostileRing, SurvivesAnotherVcpuThatScribblesOverTheRing) {
  testing::GuestRam ram(64 * kKiB);
  testing::FakeMsiSink sink;
  PciTransport transport(std::make_unique<Rng>(), ram.memory(), sink);
  testing::FakeVirtioDriver driver(transport);
  std::atomic<bool> done = false;
  std::thread scribbler([&] {
    std::uint32_t state = 1;
    while (!done) {
      state = state * 1664525 + 1013904223;
      // Mostly small values at all places of the ring, so that many pass the checks.
      const auto value = static_cast<std::uint16_t>((state & 0x80000000U) != 0 ? state : state >> 28U);
      (void)ram.memory().write(GuestAddress((state >> 8U) % 0x300 & ~1U), value);
    }
  });
  ::testing::internal::CaptureStderr();
  for (int round = 0; round < 20'000; ++round) {
    driver.negotiate(kFeatureVersion1 | kFeatureIndirectDescriptors);
    driver.write<std::uint16_t>(24, kSize);
    driver.write(40, static_cast<std::uint32_t>(kDriverArea));
    driver.write(48, static_cast<std::uint32_t>(kDeviceArea));
    driver.write<std::uint16_t>(28, 1);
    driver.driver_ok();
    driver.notify(0);
    driver.notify(0);
  }
  done = true;
  scribbler.join();
  (void)::testing::internal::GetCapturedStderr();
}

}  // namespace
}  // namespace mayfly::virtio
