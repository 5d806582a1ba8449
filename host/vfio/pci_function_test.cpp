// SPDX-License-Identifier: Apache-2.0
#include "vfio/pci_function.hpp"

#include <gtest/gtest.h>

#include "base/event_fd.hpp"
#include "testing/fake_guest_side.hpp"
#include "testing/fake_vfio_device.hpp"

namespace mayfly::vfio {
namespace {

constexpr std::uint16_t kCommand = 0x04;
constexpr std::uint16_t kMemory = 2;
constexpr std::uint16_t kBusMaster = 4;
constexpr std::uint16_t kIntxOff = 0x400;
constexpr std::uint8_t kMsixAt = 0x40;
constexpr std::uint8_t kMsiAt = 0x60;
constexpr std::uint32_t kVectors = 4;
constexpr std::uint64_t kTable = 0x2000;
constexpr std::uint64_t kPba = 0x3000;
constexpr std::uint32_t kPin = 16;

/// A function like a small disk: one BAR of 16 KiB with table and pending bits in it, MSI-X, MSI, INTx.
class PciFunctionTest : public ::testing::Test {
 protected:
  explicit PciFunctionTest(IntxUse intx = IntxUse::kYes) {
    auto device = std::make_unique<testing::FakeVfioDevice>();
    device_ = device.get();
    device->add_bar(0, 0x4000, 4);
    device->add_capability(kMsixAt, kCapMsix);
    device->put<std::uint16_t>(kMsixAt + 2, kVectors - 1);
    device->put<std::uint32_t>(kMsixAt + 4, kTable);
    device->put<std::uint32_t>(kMsixAt + 8, kPba);
    device->add_capability(kMsiAt, kCapMsi);
    device->put<std::uint16_t>(kMsiAt + 2, 0x84);  // 64 bits, four messages
    device->counts = {{Interrupts::kIntx, 1}, {Interrupts::kMsi, 4}, {Interrupts::kMsix, kVectors}};
    function_.emplace(
        std::move(device), "0000:01:00.0",
        FunctionParts{.interrupts = interrupts_, .slots = slots_, .gate = gate_, .pin = kPin, .intx = intx});
  }

  template <typename T>
  void config(std::uint16_t offset, T value) {
    function_->config_write(offset, std::as_bytes(std::span(&value, 1)));
  }
  template <typename T>
  void bar(std::uint64_t offset, T value) {
    function_->bar_write(0, offset, std::as_bytes(std::span(&value, 1)));
  }
  template <typename T>
  T bar_at(std::uint64_t offset) {
    T value{};
    function_->bar_read(0, offset, std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }
  void write_entry(std::uint32_t vector, std::uint64_t address, std::uint32_t data, std::uint32_t control) {
    bar<std::uint64_t>(kTable + 16 * vector, address);
    bar<std::uint32_t>(kTable + 16 * vector + 8, data);
    bar<std::uint32_t>(kTable + 16 * vector + 12, control);
  }
  void place(std::uint64_t address) {
    config<std::uint32_t>(0x10, static_cast<std::uint32_t>(address));
    config<std::uint32_t>(0x14, static_cast<std::uint32_t>(address >> 32U));
  }
  [[nodiscard]] std::uint16_t device_command() const { return device_->get<std::uint16_t>(kCommand); }

  testing::FakeEventInterrupts interrupts_;
  testing::FakeGuestSlots slots_;
  testing::FakeGate gate_;
  testing::FakeVfioDevice* device_ = nullptr;
  std::optional<PciFunction> function_;
};

using Line = testing::FakeEventInterrupts;
/// MSI's four lines come first.
constexpr std::uint32_t kMsixLine = Line::kFirstLine + 4;

TEST_F(PciFunctionTest, BusMasterPassesTheGateOnce) {
  config<std::uint16_t>(kCommand, kMemory | kIntxOff);
  EXPECT_EQ(gate_.passes, 0);
  EXPECT_EQ(device_command() & kBusMaster, 0);
  config<std::uint16_t>(kCommand, kMemory | kBusMaster | kIntxOff);
  config<std::uint16_t>(kCommand, kMemory | kBusMaster | kIntxOff);
  EXPECT_EQ(gate_.passes, 1);
  EXPECT_NE(device_command() & kBusMaster, 0);
}

TEST_F(PciFunctionTest, BusMasterOffAndOnPassesTheGateAgain) {
  config<std::uint16_t>(kCommand, kBusMaster);
  config<std::uint16_t>(kCommand, 0);
  EXPECT_EQ(device_command() & kBusMaster, 0);
  config<std::uint16_t>(kCommand, kBusMaster);
  EXPECT_EQ(gate_.passes, 2);
}

TEST_F(PciFunctionTest, ClosedGateKeepsTheDeviceFromBusMasteringAndNothingElse) {
  gate_.answer = BusMasterGate::Passage::kClosed;
  config<std::uint16_t>(kCommand, kBusMaster | kIntxOff);
  EXPECT_EQ(device_command() & (kBusMaster | kIntxOff), kIntxOff);
  config<std::uint16_t>(kCommand, kBusMaster);
  EXPECT_EQ(device_command() & (kBusMaster | kIntxOff), 0);
  // Each try is asked anew.
  EXPECT_EQ(gate_.passes, 2);
  gate_.answer = BusMasterGate::Passage::kOpen;
  config<std::uint16_t>(kCommand, kBusMaster);
  EXPECT_NE(device_command() & kBusMaster, 0);
}

TEST_F(PciFunctionTest, ByteWideWriteOfTheCommandPassesTheGateToo) {
  config<std::uint8_t>(kCommand, kBusMaster);
  EXPECT_EQ(gate_.passes, 1);
}

TEST_F(PciFunctionTest, MemoryDecodingStaysOnInTheHost) {
  EXPECT_NE(device_command() & kMemory, 0);
  config<std::uint16_t>(kCommand, kMemory);
  config<std::uint16_t>(kCommand, 0);
  EXPECT_NE(device_command() & kMemory, 0);
}

TEST_F(PciFunctionTest, BarIsMappedWithoutItsTablePages) {
  config<std::uint16_t>(kCommand, kMemory);
  place(0x1'4000'0000);
  ASSERT_EQ(slots_.full.size(), 1U);
  EXPECT_EQ(slots_.full.begin()->second, (GuestRange{GuestAddress(0x1'4000'0000), 0x2000}));
}

TEST_F(PciFunctionTest, SwitchingDecodingOffAndOnChangesNoSlot) {
  config<std::uint16_t>(kCommand, kMemory);
  place(0x1'4000'0000);
  const int changes = slots_.changes;
  config<std::uint16_t>(kCommand, 0);
  config<std::uint16_t>(kCommand, kMemory);
  EXPECT_EQ(slots_.changes, changes);
}

TEST_F(PciFunctionTest, MovedBarMovesItsSlot) {
  config<std::uint16_t>(kCommand, kMemory);
  place(0x1'4000'0000);
  place(0x1'5000'0000);
  ASSERT_EQ(slots_.full.size(), 1U);
  EXPECT_EQ(slots_.full.begin()->second.start, GuestAddress(0x1'5000'0000));
}

TEST_F(PciFunctionTest, RefusedSlotLeavesAnswersToExits) {
  slots_.refuse = true;
  config<std::uint16_t>(kCommand, kMemory);
  place(0x1'4000'0000);
  bar<std::uint32_t>(0x10, 0xabcd);
  EXPECT_EQ(bar_at<std::uint32_t>(0x10), 0xabcdU);
  EXPECT_EQ(device_->bars[0][0x10], std::byte{0xcd});
}

TEST_F(PciFunctionTest, MsixVectorsAreAllocatedOnceForAll) {
  config<std::uint16_t>(kMsixAt + 2, 0xc000);
  EXPECT_EQ(device_->enabled[Interrupts::kMsix], std::vector<int>(kVectors, -1));
  EXPECT_EQ(device_->event_calls, 1);
  EXPECT_TRUE(interrupts_.lines.empty());
}

TEST_F(PciFunctionTest, MsixVectorsAreAllocatedAsTheyAreUsedWhereThatCanBe) {
  device_->grows = true;
  config<std::uint16_t>(kMsixAt + 2, 0x8000);
  EXPECT_EQ(device_->enabled[Interrupts::kMsix], std::vector<int>(1, -1));
  write_entry(2, 0xfee01000, 0x4041, 0);
  EXPECT_EQ(device_->enabled[Interrupts::kMsix].at(2), interrupts_.lines.at(kMsixLine + 2).first);
}

TEST_F(PciFunctionTest, UnmaskedVectorIsSentAsItsMessage) {
  config<std::uint16_t>(kMsixAt + 2, 0x8000);
  write_entry(2, 0xfee01000, 0x4041, 0);
  ASSERT_EQ(interrupts_.lines.size(), 1U);
  const auto& [line, connection] = *interrupts_.lines.begin();
  EXPECT_EQ(line, kMsixLine + 2);
  EXPECT_EQ(connection.second, (io::MsiMessage{0xfee01000, 0x4041}));
  EXPECT_EQ(device_->enabled[Interrupts::kMsix][2], connection.first);
}

TEST_F(PciFunctionTest, FunctionMaskHoldsAllVectors) {
  config<std::uint16_t>(kMsixAt + 2, 0xc000);
  write_entry(0, 0xfee01000, 0x41, 0);
  EXPECT_TRUE(interrupts_.lines.empty());
  config<std::uint16_t>(kMsixAt + 2, 0x8000);
  EXPECT_EQ(interrupts_.lines.size(), 1U);
}

TEST_F(PciFunctionTest, MaskedVectorBecomesPendingAndKeepsItsEvent) {
  config<std::uint16_t>(kMsixAt + 2, 0x8000);
  write_entry(1, 0xfee01000, 0x41, 0);
  const int event = device_->enabled[Interrupts::kMsix][1];
  bar<std::uint32_t>(kTable + 16 + 12, 1);
  EXPECT_TRUE(interrupts_.lines.empty());
  EXPECT_EQ(bar_at<std::uint64_t>(kPba), 0U);
  ASSERT_EQ(::eventfd_write(event, 1), 0);
  EXPECT_EQ(bar_at<std::uint64_t>(kPba), 2U);
  bar<std::uint32_t>(kTable + 16 + 12, 0);
  EXPECT_EQ(interrupts_.lines.at(kMsixLine + 1).first, event);
  EXPECT_EQ(device_->event_calls, 2);
}

TEST_F(PciFunctionTest, MsixOffForgetsWhatIsPending) {
  config<std::uint16_t>(kMsixAt + 2, 0x8000);
  write_entry(1, 0xfee01000, 0x41, 0);
  const int event = device_->enabled[Interrupts::kMsix][1];
  config<std::uint16_t>(kMsixAt + 2, 0);
  EXPECT_TRUE(interrupts_.lines.empty());
  ASSERT_EQ(::eventfd_write(event, 1), 0);
  EXPECT_EQ(bar_at<std::uint64_t>(kPba), 0U);
  bar<std::uint32_t>(kTable + 16 + 12, 1);
  config<std::uint16_t>(kMsixAt + 2, 0x8000);
  EXPECT_EQ(bar_at<std::uint64_t>(kPba), 0U);
  EXPECT_FALSE(has_event(event));
}

TEST_F(PciFunctionTest, MsixOffAndOnAsksTheHostForNoVectors) {
  config<std::uint16_t>(kMsixAt + 2, 0x8000);
  write_entry(1, 0xfee01000, 0x41, 0);
  const int event = device_->enabled[Interrupts::kMsix][1];
  const int calls = device_->event_calls;
  config<std::uint16_t>(kMsixAt + 2, 0);
  config<std::uint16_t>(kMsixAt + 2, 0x8000);
  EXPECT_EQ(device_->event_calls, calls);
  EXPECT_EQ(interrupts_.lines.at(kMsixLine + 1).first, event);
}

TEST_F(PciFunctionTest, OneKindOfMessagesGivesWayToTheOther) {
  config<std::uint16_t>(kMsixAt + 2, 0x8000);
  write_entry(1, 0xfee01000, 0x41, 0);
  config<std::uint16_t>(kMsixAt + 2, 0);
  config<std::uint16_t>(kMsiAt + 2, 0x01);
  EXPECT_FALSE(device_->enabled.contains(Interrupts::kMsix));
  EXPECT_TRUE(device_->enabled.contains(Interrupts::kMsi));
  config<std::uint16_t>(kMsiAt + 2, 0);
  config<std::uint16_t>(kMsixAt + 2, 0x8000);
  EXPECT_FALSE(device_->enabled.contains(Interrupts::kMsi));
  EXPECT_EQ(interrupts_.lines.size(), 1U);
}

TEST_F(PciFunctionTest, MoreMsiMessagesAreAskedForAnew) {
  config<std::uint16_t>(kMsiAt + 2, 0x01);
  config<std::uint16_t>(kMsiAt + 2, 0);
  config<std::uint16_t>(kMsiAt + 2, 0x21);
  EXPECT_EQ(device_->enabled[Interrupts::kMsi].size(), 4U);
  EXPECT_EQ(interrupts_.lines.size(), 4U);
}

TEST_F(PciFunctionTest, TableIsOursAndNeverReachesTheDevice) {
  write_entry(3, 0x1'fee01000, 0x99, 1);
  EXPECT_EQ(bar_at<std::uint64_t>(kTable + 48), 0x1'fee01000U);
  bar<std::uint64_t>(kPba, ~0ULL);
  EXPECT_EQ(bar_at<std::uint64_t>(kPba), 0U);
  EXPECT_EQ(device_->bars[0], std::vector<std::byte>(0x4000));
}

TEST_F(PciFunctionTest, MsiMessagesDifferInTheirLowBits) {
  config<std::uint32_t>(kMsiAt + 4, 0xfee02000);
  config<std::uint16_t>(kMsiAt + 12, 0x4063);
  config<std::uint16_t>(kMsiAt + 2, 0x21);  // on, four messages
  ASSERT_EQ(interrupts_.lines.size(), 4U);
  for (std::uint32_t i = 0; i < 4; ++i) {
    EXPECT_EQ(interrupts_.lines.at(Line::kFirstLine + i).second, (io::MsiMessage{0xfee02000, 0x4060 + i}));
  }
}

TEST_F(PciFunctionTest, MsiWithMoreMessagesThanThereAreTakesAll) {
  config<std::uint16_t>(kMsiAt + 2, 0x71);
  EXPECT_EQ(interrupts_.lines.size(), 4U);
}

TEST_F(PciFunctionTest, ChangedMsiMessageIsTakenOver) {
  config<std::uint16_t>(kMsiAt + 2, 0x01);
  config<std::uint16_t>(kMsiAt + 12, 0x55);
  EXPECT_EQ(interrupts_.lines.at(Line::kFirstLine).second.data, 0x55U);
}

TEST_F(PciFunctionTest, IntxIsConnectedOnceTheGuestMasters) {
  config<std::uint16_t>(kCommand, kMemory);
  EXPECT_TRUE(interrupts_.pins.empty());
  config<std::uint16_t>(kCommand, kMemory | kBusMaster);
  ASSERT_TRUE(interrupts_.pins.contains(kPin));
  EXPECT_EQ(device_->enabled[Interrupts::kIntx], std::vector<int>{interrupts_.pins.at(kPin)});
  EXPECT_GE(device_->unmask_event, 0);
}

TEST_F(PciFunctionTest, MessagesTakeTheIntxAwayAndGiveItBack) {
  config<std::uint16_t>(kCommand, kMemory | kBusMaster);
  config<std::uint16_t>(kMsixAt + 2, 0x8000);
  EXPECT_TRUE(interrupts_.pins.empty());
  EXPECT_FALSE(device_->enabled.contains(Interrupts::kIntx));
  config<std::uint16_t>(kMsixAt + 2, 0);
  EXPECT_TRUE(interrupts_.pins.contains(kPin));
}

class PciFunctionAutoTest : public PciFunctionTest {
 protected:
  PciFunctionAutoTest() : PciFunctionTest(IntxUse::kAuto) {}
};

TEST_F(PciFunctionAutoTest, DeviceWithMsixHasNoIntx) {
  EXPECT_FALSE(function_->has_intx());
  std::byte pin{0xff};
  function_->config_read(0x3d, {&pin, 1});
  EXPECT_EQ(pin, std::byte{0});
  config<std::uint16_t>(kCommand, kMemory | kBusMaster);
  EXPECT_TRUE(interrupts_.pins.empty());
}

TEST_F(PciFunctionTest, IntxSwitchedOffIsForwarded) {
  config<std::uint16_t>(kCommand, kMemory | kBusMaster);
  config<std::uint16_t>(kCommand, kMemory | kBusMaster | kIntxOff);
  EXPECT_NE(device_command() & kIntxOff, 0);
}

TEST_F(PciFunctionTest, RefusedVectorsLeaveTheGuestWithoutInterrupts) {
  device_->refuse_events = true;
  config<std::uint16_t>(kMsixAt + 2, 0x8000);
  write_entry(0, 0xfee01000, 0x41, 0);
  EXPECT_TRUE(interrupts_.lines.empty());
}

/// Another device's face, which goes with the function while the device stays.
class Borrowed final : public DeviceAccess {
 public:
  explicit Borrowed(DeviceAccess& device) : device_(device) {}
  [[nodiscard]] Region region(std::uint32_t index) const override { return device_.region(index); }
  [[nodiscard]] bool read(std::uint32_t region, std::uint64_t at, std::span<std::byte> to) noexcept override {
    return device_.read(region, at, to);
  }
  [[nodiscard]] bool write(std::uint32_t region, std::uint64_t at,
                           std::span<const std::byte> from) noexcept override {
    return device_.write(region, at, from);
  }
  [[nodiscard]] Mapping map(std::uint32_t region, const Area& area) override {
    return device_.map(region, area);
  }
  [[nodiscard]] std::uint32_t interrupt_count(Interrupts kind) const noexcept override {
    return device_.interrupt_count(kind);
  }
  [[nodiscard]] bool interrupts_grow(Interrupts kind) const noexcept override {
    return device_.interrupts_grow(kind);
  }
  [[nodiscard]] bool set_events(Interrupts kind, std::uint32_t first,
                                std::span<const int> events) noexcept override {
    return device_.set_events(kind, first, events);
  }
  [[nodiscard]] bool set_unmask_event(int ended) noexcept override { return device_.set_unmask_event(ended); }
  void disable(Interrupts kind) noexcept override { device_.disable(kind); }

 private:
  DeviceAccess& device_;
};

TEST(PciFunctionEnd, BusMasteringEndsWithTheFunction) {
  testing::FakeEventInterrupts interrupts;
  testing::FakeGuestSlots slots;
  testing::FakeGate gate;
  testing::FakeVfioDevice device;
  {
    PciFunction function(std::make_unique<Borrowed>(device), "x",
                         {.interrupts = interrupts, .slots = slots, .gate = gate, .pin = kPin});
    function.config_write(kCommand, std::as_bytes(std::span(&kBusMaster, 1)));
    ASSERT_NE(device.get<std::uint16_t>(kCommand) & kBusMaster, 0);
  }
  EXPECT_EQ(device.get<std::uint16_t>(kCommand) & kBusMaster, 0);
}

}  // namespace
}  // namespace mayfly::vfio
