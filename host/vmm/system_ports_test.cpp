// SPDX-License-Identifier: Apache-2.0
#include "vmm/system_ports.hpp"

#include <array>

#include <gtest/gtest.h>
#include <poll.h>

namespace mayfly::vmm {
namespace {

void write_byte(io::IoDevice& device, std::uint64_t offset, unsigned value) {
  const std::array<std::byte, 1> data{static_cast<std::byte>(value)};
  device.write(offset, data);
}

TEST(PowerPorts, SoftOffIsAPoweroff) {
  VmDown down;
  PowerPorts ports(down);
  write_byte(ports, PowerPorts::kSleepControl, 0x34);
  EXPECT_EQ(down.reason(), DownReason::kPoweroff);
}

TEST(PowerPorts, OtherSleepStatesDoNothing) {
  VmDown down;
  PowerPorts ports(down);
  write_byte(ports, PowerPorts::kSleepControl, 0x14);  // no SLP_EN
  write_byte(ports, PowerPorts::kSleepControl, 0x2c);  // S3
  write_byte(ports, PowerPorts::kSleepStatus, 0x34);
  EXPECT_EQ(down.reason(), std::nullopt);
}

TEST(PowerPorts, OnlyTheResetValueResets) {
  VmDown down;
  PowerPorts ports(down);
  write_byte(ports, PowerPorts::kReset, 0);
  EXPECT_EQ(down.reason(), std::nullopt);
  write_byte(ports, PowerPorts::kReset, 1);
  EXPECT_EQ(down.reason(), DownReason::kReboot);
}

TEST(PanicPort, PanickedBitIsAPanicAndLoadedBitIsNot) {
  VmDown down;
  PanicPort port(down);
  write_byte(port, 0, 2);
  EXPECT_EQ(down.reason(), std::nullopt);
  write_byte(port, 0, 1);
  EXPECT_EQ(down.reason(), DownReason::kPanic);
}

TEST(PanicPort, SaysWhichEventsItUnderstands) {
  VmDown down;
  PanicPort port(down);
  std::array<std::byte, 1> events{};
  port.read(0, events);
  EXPECT_EQ(events[0], std::byte{1});
}

TEST(VmDown, FirstReportStaysAndWakesTheMainLoop) {
  VmDown down;
  pollfd watched{down.fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&watched, 1, 0), 0);
  down.report(DownReason::kPanic, 7);
  down.report(DownReason::kReboot, 8);
  EXPECT_EQ(::poll(&watched, 1, 0), 1);
  EXPECT_EQ(down.reason(), DownReason::kPanic);
  EXPECT_EQ(down.detail(), 7U);
}

}  // namespace
}  // namespace mayfly::vmm
