// SPDX-License-Identifier: Apache-2.0
#include "guest-init/protocol/launch.hpp"

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace mayfly::protocol {
namespace {

using Bytes = std::vector<std::byte>;

std::optional<LaunchFault> fault_of(const Bytes& bytes) {
  LaunchFault fault{};
  return LaunchRequest::parse(bytes, fault) ? std::nullopt : std::optional(fault);
}

/// A request of one record, written without any check.
Bytes request_of(LaunchField field, std::string_view value) {
  Bytes bytes;
  LaunchWriter writer(bytes);
  writer.add(field, value);
  return bytes;
}

Bytes patched(Bytes bytes, std::size_t at, std::byte value) {
  bytes[at] = value;
  return bytes;
}

TEST(Launch, RoundTripKeepsAllRecordsInOrder) {
  Bytes bytes;
  LaunchWriter writer(bytes);
  const std::vector<std::pair<LaunchField, std::string>> records = {
      {LaunchField::kArgument, "sh"},       {LaunchField::kEnvironment, "A=1"},
      {LaunchField::kArgument, ""},         {LaunchField::kWorkdir, "/srv"},
      {LaunchField::kUser, "joe:29"},       {LaunchField::kHostname, "web"},
      {LaunchField::kArgument, "\xff\n=x"}, {LaunchField::kEnvironment, "B="},
  };
  for (const auto& [field, value] : records) {
    writer.add(field, value);
  }
  writer.add_terminal({.rows = 50, .columns = 132});
  LaunchFault fault{};
  const auto request = LaunchRequest::parse(bytes, fault);
  ASSERT_TRUE(request.has_value()) << describe(fault);
  std::vector<std::pair<LaunchField, std::string>> found;
  request->for_each([&](const LaunchRecord& record) {
    if (record.field != LaunchField::kTerminal) {
      found.emplace_back(record.field, std::string(record.value));
    }
  });
  EXPECT_EQ(found, records);
  EXPECT_EQ(request->terminal(), (TerminalSize{.rows = 50, .columns = 132}));
  EXPECT_EQ(request->find(LaunchField::kUser), "joe:29");
}

TEST(Launch, AgentsPortIsANumberOf32Bits) {
  EXPECT_EQ(fault_of(request_of(LaunchField::kAgentPort, {"\x01\0\0\0", 4})), std::nullopt);
  EXPECT_EQ(fault_of(request_of(LaunchField::kAgentPort, {"\0\0\0\0", 4})), LaunchFault::kBadValue);
  EXPECT_EQ(fault_of(request_of(LaunchField::kAgentPort, {"\x01\0\0", 3})), LaunchFault::kBadValue);
  Bytes twice;
  LaunchWriter writer(twice);
  writer.add_fixed(LaunchField::kAgentPort, std::uint32_t{1});
  writer.add_fixed(LaunchField::kAgentPort, std::uint32_t{1});
  EXPECT_EQ(fault_of(twice), LaunchFault::kRepeatedField);
}

constexpr NetworkSetup kSetup{{2, 0, 0, 0, 0, 1}, 1, 24, {192, 168, 7, 2}, {192, 168, 7, 1}};

Bytes network_of(const NetworkSetup& setup) {
  Bytes bytes;
  LaunchWriter writer(bytes);
  writer.add_fixed(LaunchField::kNetwork, setup);
  return bytes;
}

TEST(Launch, NetworkIsKeptAsItIs) {
  Bytes bytes = network_of(kSetup);
  LaunchFault fault{};
  const auto request = LaunchRequest::parse(bytes, fault);
  ASSERT_TRUE(request.has_value()) << describe(fault);
  EXPECT_EQ(load_from<NetworkSetup>(*request->find(LaunchField::kNetwork)), kSetup);
  EXPECT_EQ(fault_of(network_of({{2, 0, 0, 0, 0, 1}, 0, 0, {}, {}})), std::nullopt) << "without an address";
}

TEST(Launch, NetworkThatCannotBeSetUpIsRefused) {
  const auto changed = [](auto change) {
    NetworkSetup setup = kSetup;
    change(setup);
    return fault_of(network_of(setup));
  };
  EXPECT_EQ(changed([](NetworkSetup& s) { s.has_address = 2; }), LaunchFault::kBadValue);
  EXPECT_EQ(changed([](NetworkSetup& s) { s.has_address = 0; }), LaunchFault::kBadValue);
  EXPECT_EQ(changed([](NetworkSetup& s) { s.prefix = 0; }), LaunchFault::kBadValue);
  EXPECT_EQ(changed([](NetworkSetup& s) { s.prefix = 33; }), LaunchFault::kBadValue);
  EXPECT_EQ(changed([](NetworkSetup& s) { s.address = {}; }), LaunchFault::kBadValue);
  EXPECT_EQ(changed([](NetworkSetup& s) { s.gateway = {192, 168, 8, 1}; }), LaunchFault::kBadValue);
  EXPECT_EQ(changed([](NetworkSetup& s) { s.gateway = s.address; }), LaunchFault::kBadValue);
  EXPECT_EQ(changed([](NetworkSetup& s) { s.gateway = {}; }), std::nullopt);
  EXPECT_EQ(fault_of(request_of(LaunchField::kNetwork, "too short")), LaunchFault::kBadValue);
  const auto by_dhcp = [](std::string_view other_end,
                          NetworkSetup setup = {{2, 0, 0, 0, 0, 1}, 2, 10, {}, {}}) {
    std::string value(sizeof(setup), '\0');
    std::memcpy(value.data(), &setup, sizeof(setup));
    return fault_of(request_of(LaunchField::kNetwork, value.append(other_end)));
  };
  EXPECT_EQ(by_dhcp("tap0"), std::nullopt);
  EXPECT_EQ(by_dhcp("fifteen-letters"), std::nullopt);
  EXPECT_EQ(by_dhcp("sixteen--letters"), LaunchFault::kBadValue);
  EXPECT_EQ(by_dhcp(""), LaunchFault::kBadValue);
  EXPECT_EQ(by_dhcp(std::string_view("a\0", 2)), LaunchFault::kBadValue);
  EXPECT_EQ(by_dhcp("tap0", {{2, 0, 0, 0, 0, 1}, 2, 0, {}, {}}), LaunchFault::kBadValue);
  EXPECT_EQ(by_dhcp("tap0", {{2, 0, 0, 0, 0, 1}, 2, 10, {10, 0, 0, 1}, {}}), LaunchFault::kBadValue);
  EXPECT_EQ(by_dhcp("tap0", kSetup), LaunchFault::kBadValue) << "only by DHCP it is called something";
  EXPECT_EQ(fault_of(request_of(LaunchField::kNameserver, "12345")), LaunchFault::kBadValue);
}

Bytes mount_of(const DiskMount& mount, std::string_view path) {
  Bytes bytes;
  LaunchWriter writer(bytes);
  // Safe: the object representation of bytes.
  writer.add(LaunchField::kMount,
             std::string(reinterpret_cast<const char*>(&mount), sizeof(mount)) + std::string(path));
  return bytes;
}

TEST(Launch, MountIsADiskAndAnAbsolutePath) {
  constexpr DiskMount kMount{7, 1, FileSystem::kErofs, 0};
  EXPECT_EQ(fault_of(mount_of(kMount, "/data")), std::nullopt);
  EXPECT_EQ(fault_of(mount_of(kMount, "/" + std::string(4094, 'a'))), std::nullopt);
  for (const std::string& path :
       {std::string(), std::string("data"), "/" + std::string(4095, 'a'), std::string("/a\0b", 4)}) {
    EXPECT_EQ(fault_of(mount_of(kMount, path)), LaunchFault::kBadValue) << path;
  }
  for (const DiskMount& mount :
       {DiskMount{8, 0, FileSystem::kExt4, 0}, DiskMount{0, 2, FileSystem::kExt4, 0},
        DiskMount{0, 0, static_cast<FileSystem>(2), 0}, DiskMount{0, 0, FileSystem::kExt4, 1}}) {
    EXPECT_EQ(fault_of(mount_of(mount, "/data")), LaunchFault::kBadValue);
  }
  EXPECT_EQ(fault_of(request_of(LaunchField::kMount, "abc")), LaunchFault::kBadValue);
}

TEST(Launch, ModuleIsANameAndParameters) {
  for (const std::string& text :
       {std::string("nvme"), std::string("nvidia-uvm"), std::string("i2c_core a=1 b=2,3"),
        "e1000e " + std::string(kModuleTextMax - 7, 'x')}) {
    EXPECT_EQ(fault_of(request_of(LaunchField::kModule, text)), std::nullopt) << text;
  }
  for (const std::string& text :
       {std::string(), std::string(" a=1"), std::string("../nvme"), std::string("nvme.ko"),
        std::string("nvme\0 a", 7), "e1000e " + std::string(kModuleTextMax - 6, 'x')}) {
    EXPECT_EQ(fault_of(request_of(LaunchField::kModule, text)), LaunchFault::kBadValue) << text;
  }
}

TEST(Launch, ModulesAreAsManyAsThereIsRoomFor) {
  Bytes bytes;
  LaunchWriter writer(bytes);
  for (std::size_t i = 0; i < kModulesMax; ++i) {
    writer.add(LaunchField::kModule, "nvme");
  }
  EXPECT_EQ(fault_of(bytes), std::nullopt);
  writer.add(LaunchField::kModule, "nvme");
  EXPECT_EQ(fault_of(bytes), LaunchFault::kRepeatedField);
}

TEST(Launch, NetworksAndNameserversAreAsManyAsThereIsRoomFor) {
  Bytes networks;
  LaunchWriter network_writer(networks);
  for (std::size_t i = 0; i < kNetworksMax; ++i) {
    network_writer.add_fixed(LaunchField::kNetwork, kSetup);
  }
  EXPECT_EQ(fault_of(networks), std::nullopt);
  network_writer.add_fixed(LaunchField::kNetwork, kSetup);
  EXPECT_EQ(fault_of(networks), LaunchFault::kRepeatedField);
  Bytes servers;
  LaunchWriter server_writer(servers);
  for (std::size_t i = 0; i < kNameserversMax; ++i) {
    server_writer.add_fixed(LaunchField::kNameserver, Ipv4Address{9, 9, 9, 9});
  }
  EXPECT_EQ(fault_of(servers), std::nullopt);
  server_writer.add_fixed(LaunchField::kNameserver, Ipv4Address{9, 9, 9, 9});
  EXPECT_EQ(fault_of(servers), LaunchFault::kRepeatedField);
}

TEST(Launch, MaskHasItsBitsInFront) {
  EXPECT_EQ(mask_of(1), (Ipv4Address{128, 0, 0, 0}));
  EXPECT_EQ(mask_of(20), (Ipv4Address{255, 255, 240, 0}));
  EXPECT_EQ(mask_of(32), (Ipv4Address{255, 255, 255, 255}));
}

TEST(Launch, RequestWithoutRecordsIsWellFormed) {
  Bytes bytes;
  const LaunchWriter writer(bytes);
  LaunchFault fault{};
  const auto request = LaunchRequest::parse(bytes, fault);
  ASSERT_TRUE(request.has_value());
  EXPECT_FALSE(request->terminal().has_value());
  EXPECT_FALSE(request->find(LaunchField::kWorkdir).has_value());
}

TEST(Launch, RefusesLessThanAHeader) { EXPECT_EQ(fault_of(Bytes(7)), LaunchFault::kTooShort); }

TEST(Launch, TakesTheLargestRequestAndRefusesOneByteMore) {
  const std::size_t room = kLaunchBytesMax - kLaunchHeaderBytes - kRecordHeaderBytes;
  EXPECT_EQ(fault_of(request_of(LaunchField::kArgument, std::string(room, 'x'))), std::nullopt);
  EXPECT_EQ(fault_of(request_of(LaunchField::kArgument, std::string(room + 1, 'x'))), LaunchFault::kTooLong);
}

TEST(Launch, RefusesWrongMagicOrLength) {
  const Bytes good = request_of(LaunchField::kArgument, "x");
  EXPECT_EQ(fault_of(patched(good, 0, std::byte{'X'})), LaunchFault::kBadMagic);
  EXPECT_EQ(fault_of(patched(good, 4, std::byte{200})), LaunchFault::kBadMagic);
  Bytes longer = good;
  longer.push_back(std::byte{0});
  EXPECT_EQ(fault_of(longer), LaunchFault::kBadMagic);
}

TEST(Launch, RefusesRecordThatReachesBeyondTheEnd) {
  EXPECT_EQ(fault_of(patched(request_of(LaunchField::kArgument, "x"), 12, std::byte{2})),
            LaunchFault::kTruncatedRecord);
  Bytes part_of_a_header = request_of(LaunchField::kArgument, "x");
  part_of_a_header.resize(part_of_a_header.size() + 3);
  part_of_a_header[4] = std::byte{12};
  EXPECT_EQ(fault_of(part_of_a_header), LaunchFault::kTruncatedRecord);
}

TEST(Launch, RefusesUnknownFields) {
  const Bytes good = request_of(LaunchField::kArgument, "x");
  EXPECT_EQ(fault_of(patched(good, 8, std::byte{0})), LaunchFault::kUnknownField);
  EXPECT_EQ(fault_of(patched(good, 8, std::byte{12})), LaunchFault::kUnknownField);
}

TEST(Launch, RefusesReservedBitsThatAreSet) {
  EXPECT_EQ(fault_of(patched(request_of(LaunchField::kArgument, "x"), 10, std::byte{1})),
            LaunchFault::kReservedNotZero);
}

TEST(Launch, RefusesNulInsideStrings) {
  EXPECT_EQ(fault_of(request_of(LaunchField::kArgument, {"a\0b", 3})), LaunchFault::kEmbeddedNul);
  EXPECT_EQ(fault_of(request_of(LaunchField::kEnvironment, {"A=\0", 3})), LaunchFault::kEmbeddedNul);
}

TEST(Launch, RefusesSingleValuedFieldTwice) {
  for (const auto& [field, value] :
       {std::pair{LaunchField::kWorkdir, "/"}, {LaunchField::kUser, "u"}, {LaunchField::kHostname, "h"}}) {
    Bytes bytes;
    LaunchWriter writer(bytes);
    writer.add(field, value);
    EXPECT_EQ(fault_of(bytes), std::nullopt);
    writer.add(field, value);
    EXPECT_EQ(fault_of(bytes), LaunchFault::kRepeatedField);
  }
}

TEST(Launch, RefusesValuesThatAreNotAllowed) {
  for (const auto& [field, value] : {
           std::pair{LaunchField::kEnvironment, std::string("novalue")},
           {LaunchField::kEnvironment, "=x"},
           {LaunchField::kWorkdir, "srv"},
           {LaunchField::kWorkdir, ""},
           {LaunchField::kUser, ""},
           {LaunchField::kHostname, ""},
           {LaunchField::kHostname, std::string(65, 'h')},
           {LaunchField::kTerminal, "123"},
           {LaunchField::kTerminal, "12345"},
       }) {
    EXPECT_EQ(fault_of(request_of(field, value)), LaunchFault::kBadValue) << value;
  }
}

TEST(Launch, DescribesEachFaultInItsOwnWords) {
  std::vector<std::string_view> sentences;
  for (auto fault = LaunchFault::kTooShort; fault <= LaunchFault::kBadValue;
       fault = static_cast<LaunchFault>(static_cast<int>(fault) + 1)) {
    for (const std::string_view other : sentences) {
      EXPECT_NE(describe(fault), other);
    }
    sentences.push_back(describe(fault));
  }
}

}  // namespace
}  // namespace mayfly::protocol
