// SPDX-License-Identifier: Apache-2.0
#include "vmm/exit_handler.hpp"

#include <array>
#include <cstring>

#include <gtest/gtest.h>

#include "pci/root.hpp"
#include "testing/fake_held_memory.hpp"

namespace mayfly::vmm {
namespace {

class Recorder : public io::IoDevice {
 public:
  [[nodiscard]] std::string_view name() const noexcept override { return "recorder"; }
  void read(std::uint64_t /*offset*/, std::span<std::byte> data) noexcept override {
    data.front() = std::byte{0x42};
  }
  void write(std::uint64_t /*offset*/, std::span<const std::byte> data) noexcept override {
    ++writes;
    bytes += data.size();
  }
  int writes = 0;
  std::size_t bytes = 0;
};

class ExitHandlerTest : public ::testing::Test {
 protected:
  ExitHandlerTest() {
    ports_.attach({0x700, 4}, device_);
    ports_.freeze();
    mmio_.attach({0xd0000000, 0x1000}, device_);
    mmio_.freeze();
  }

  io::IoBus ports_;
  io::IoBus mmio_;
  Recorder device_;
  pci::Root root_{{{GuestAddress(0xe0000000), 1U << 20U},
                   {GuestAddress(0xc0000000), 1U << 29U},
                   {GuestAddress(1ULL << 40U), 1ULL << 36U}}};
  boot::BootTimeline timeline_{boot::ExecTime{}};
  VmDown down_;
  ExitHandler handler_{ports_, mmio_, root_.ports(), timeline_, down_};
  ExitCounts counts_;
};

TEST_F(ExitHandlerTest, StringOutputReachesTheDeviceItemByItem) {
  const std::array<std::byte, 12> data{};
  EXPECT_EQ(handler_.handle(kvm::IoOut{0x700, 4, data}, counts_), AfterExit::kRunAgain);
  EXPECT_EQ(device_.writes, 3);
  EXPECT_EQ(device_.bytes, 12U);
  EXPECT_EQ(counts_.port_out, 1U);
}

TEST_F(ExitHandlerTest, PciConfigurationIsAnsweredAheadOfTheBus) {
  const std::uint32_t host_bridge = 0x80000000;
  std::array<std::byte, 4> address{};
  std::memcpy(address.data(), &host_bridge, sizeof(host_bridge));
  static_cast<void>(handler_.handle(kvm::IoOut{0xcf8, 4, address}, counts_));
  std::array<std::byte, 4> id{};
  static_cast<void>(handler_.handle(kvm::IoIn{0xcfc, 4, id}, counts_));
  EXPECT_NE(id,
            (std::array<std::byte, 4>{std::byte{0xff}, std::byte{0xff}, std::byte{0xff}, std::byte{0xff}}));
  EXPECT_EQ(counts_.pci_config, 2U);
  EXPECT_EQ(counts_.port_in + counts_.port_out, 0U);
}

TEST_F(ExitHandlerTest, BootMarkIsStamped) {
  const std::array<std::byte, 1> ready{std::byte{0x61}};
  static_cast<void>(handler_.handle(kvm::IoOut{0x80, 1, ready}, counts_));
  EXPECT_TRUE(timeline_.reached(boot::Milestone::kReady));
  EXPECT_EQ(counts_.boot_mark, 1U);
}

TEST_F(ExitHandlerTest, ObserverIsToldTheTimeOfEachMark) {
  struct Times : MarkObserver {
    void on_mark(std::uint64_t at_ns) noexcept override { all.push_back(at_ns); }
    std::vector<std::uint64_t> all;
  } times;
  handler_.observe_marks(times);
  const std::array<std::byte, 1> code{std::byte{0x40}};
  static_cast<void>(handler_.handle(kvm::IoOut{0x80, 1, code}, counts_));
  static_cast<void>(handler_.handle(kvm::IoOut{0x80, 1, code}, counts_));
  const boot::Report report = timeline_.report({});
  EXPECT_EQ(times.all, (std::vector{report.marks.at(0).at_ns, report.marks.at(1).at_ns}));
}

TEST_F(ExitHandlerTest, ReadyIsToldOnceHoweverOftenTheGuestSaysIt) {
  struct Ready : ReadyObserver {
    void on_ready() noexcept override { ++times; }
    int times = 0;
  } observer;
  handler_.observe_ready(observer);
  const std::array<std::byte, 1> init{std::byte{0x60}};
  const std::array<std::byte, 1> ready{std::byte{0x61}};
  static_cast<void>(handler_.handle(kvm::IoOut{0x80, 1, init}, counts_));
  EXPECT_EQ(observer.times, 0);
  static_cast<void>(handler_.handle(kvm::IoOut{0x80, 1, ready}, counts_));
  static_cast<void>(handler_.handle(kvm::IoOut{0x80, 1, ready}, counts_));
  EXPECT_EQ(observer.times, 1);
}

TEST_F(ExitHandlerTest, MachineGoesOnWhenReadyUnlessNoMoreWasAskedFor) {
  const std::array<std::byte, 1> init{std::byte{0x60}};
  const std::array<std::byte, 1> ready{std::byte{0x61}};
  EXPECT_EQ(handler_.handle(kvm::IoOut{0x80, 1, ready}, counts_), AfterExit::kRunAgain);
  EXPECT_EQ(down_.reason(), std::nullopt);
  boot::BootTimeline timeline{boot::ExecTime{}};
  ExitHandler until_ready{ports_, mmio_, root_.ports(), timeline, down_, AtReady::kStop};
  EXPECT_EQ(until_ready.handle(kvm::IoOut{0x80, 1, init}, counts_), AfterExit::kRunAgain);
  EXPECT_EQ(until_ready.handle(kvm::IoOut{0x80, 1, ready}, counts_), AfterExit::kStop);
  EXPECT_EQ(down_.reason(), DownReason::kReady);
}

TEST_F(ExitHandlerTest, LoadAndStoreReachTheMappedDevice) {
  std::array<std::byte, 1> data{};
  static_cast<void>(handler_.handle(kvm::MmioRead{0xd0000010, data}, counts_));
  EXPECT_EQ(data[0], std::byte{0x42});
  static_cast<void>(handler_.handle(kvm::MmioWrite{0xd0000010, data}, counts_));
  EXPECT_EQ(device_.writes, 1);
}

TEST_F(ExitHandlerTest, TripleFaultStopsTheVcpuAndIsTheReason) {
  EXPECT_EQ(handler_.handle(kvm::Shutdown{}, counts_), AfterExit::kStop);
  EXPECT_EQ(down_.reason(), DownReason::kTripleFault);
}

TEST_F(ExitHandlerTest, WhatKvmCannotDoIsAnInternalErrorWithItsNumber) {
  EXPECT_EQ(handler_.handle(kvm::Unknown{17, 1}, counts_), AfterExit::kStop);
  EXPECT_EQ(down_.reason(), DownReason::kInternal);
  EXPECT_EQ(down_.detail(), std::uint64_t{17} << 32U | 1U);
}

TEST_F(ExitHandlerTest, GuestThatAskedForItsEndIsNotLetInAgain) {
  const std::array<std::byte, 1> data{};
  EXPECT_EQ(handler_.handle(kvm::IoOut{0x700, 1, data}, counts_), AfterExit::kRunAgain);
  down_.report(DownReason::kPoweroff);
  EXPECT_EQ(handler_.handle(kvm::IoOut{0x700, 1, data}, counts_), AfterExit::kStop);
}

TEST_F(ExitHandlerTest, CallOfAGuestWithoutLazyMemoryIsUnknown) {
  unsigned long long answer = 0;
  EXPECT_EQ(handler_.handle(kvm::MapRange{0, 512, LazyMemory::kPrivate, &answer}, counts_),
            AfterExit::kRunAgain);
  EXPECT_EQ(static_cast<long long>(answer), -1000);
  EXPECT_EQ(counts_.hypercall, 1U);
}

TEST_F(ExitHandlerTest, CallReachesLazyMemoryAndItsAnswerTheGuest) {
  testing::FakeHeldMemory held({GuestAddress(0), kGiB});
  LazyMemory memory(held);
  handler_.answer_calls(memory);
  unsigned long long answer = 1;
  static_cast<void>(handler_.handle(kvm::MapRange{0, 512, LazyMemory::kPrivate, &answer}, counts_));
  EXPECT_EQ(answer, 0U);
  EXPECT_EQ(held.held().size(), 1U);
  static_cast<void>(handler_.handle(kvm::MapRange{0, 512, LazyMemory::kPrivate, &answer}, counts_));
  EXPECT_EQ(static_cast<long long>(answer), LazyMemory::kInvalid);
}

TEST_F(ExitHandlerTest, InterruptedRunGoesOn) {
  EXPECT_EQ(handler_.handle(kvm::Interrupted{}, counts_), AfterExit::kRunAgain);
  EXPECT_EQ(down_.reason(), std::nullopt);
}

}  // namespace
}  // namespace mayfly::vmm
