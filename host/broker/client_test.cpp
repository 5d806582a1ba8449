// SPDX-License-Identifier: Apache-2.0
#include "broker/client.hpp"

#include <array>
#include <thread>

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/temporary_folder.hpp"
#include "broker/messages.hpp"
#include "lease/socket.hpp"

namespace mayfly::broker {
namespace {

constexpr vfio::PciAddress kDisk{0, 1, 0, 0};
constexpr MemoryWanted kMemory{64 * kMiB, Pages::kAuto};

/// A client of what is no broker of ours.
class BrokerClient : public ::testing::Test {
 protected:
  /// What the client says when it is answered so, without the broker's path.
  std::string refusal(std::span<const std::byte> answer, std::span<const int> files = {}) const {
    const std::string path = (folder_.path() / "socket").string();
    const lease::Listener listener(path);
    std::thread broker([&] {
      pollfd waits{listener.fd(), POLLIN, 0};
      ::poll(&waits, 1, -1);
      const Fd client = listener.accept();
      waits.fd = client.get();
      ::poll(&waits, 1, -1);
      std::array<std::byte, sizeof(WireRequest)> request;
      EXPECT_EQ(::read(client.get(), request.data(), request.size()), std::ssize(request));
      if (!answer.empty()) {
        EXPECT_TRUE(lease::send_packet(client.get(), answer, files));
      }
    });
    std::string said;
    try {
      (void)take_devices(path, std::array{kDisk}, kMemory);
    } catch (const Error& error) {
      said = error.what();
    }
    broker.join();
    const std::string begin = "the broker at " + path + ": ";
    return said.starts_with(begin) ? said.substr(begin.size()) : said;
  }

  mayfly::testing::TemporaryFolder folder_;
};

TEST_F(BrokerClient, EndWithoutAnAnswerIsSaid) { EXPECT_EQ(refusal({}), "has ended the connection"); }

TEST_F(BrokerClient, WhatIsNoAnswerIsSaid) {
  WireAnswer answer = to_wire(Answer{});
  const auto bytes = std::as_bytes(std::span(&answer, 1));
  EXPECT_EQ(refusal(bytes.first(10)), "it says a message of another size");
  EXPECT_EQ(refusal(std::vector<std::byte>(1000)), "a message is too large, or brings too many descriptors");
  answer.version = kVersion + 1;
  EXPECT_EQ(refusal(bytes), "it says a message of another version of mayfly");
}

TEST_F(BrokerClient, RefusalIsItsReason) {
  const WireAnswer answer = to_wire(Answer{"no such device"});
  EXPECT_EQ(refusal(std::as_bytes(std::span(&answer, 1))), "no such device");
}

TEST_F(BrokerClient, GrantWithTooFewOrTooManyFilesIsRefused) {
  const WireAnswer answer = to_wire(Answer{});
  const auto bytes = std::as_bytes(std::span(&answer, 1));
  EXPECT_EQ(refusal(bytes), "it gave 0 descriptors for 1 devices");
  EXPECT_EQ(refusal(bytes, std::array{1, 1, 1}), "it gave 3 descriptors for 1 devices");
  EXPECT_EQ(refusal(bytes, std::array{1, 1}), "");
}

TEST_F(BrokerClient, GrantWithMemoryBringsOneFileMore) {
  const WireAnswer answer = to_wire(Answer{"", vfio::BackendChoice::kType1, 0, Pages::k2m});
  const auto bytes = std::as_bytes(std::span(&answer, 1));
  EXPECT_EQ(refusal(bytes, std::array{1, 1}), "it gave 2 descriptors for 1 devices and memory");
  EXPECT_EQ(refusal(bytes, std::array{1, 1, 1}), "");
}

TEST_F(BrokerClient, TooManyDevicesAreRefusedBeforeAnythingIsSent) {
  std::vector<vfio::PciAddress> many(kDevicesMax + 1);
  EXPECT_THROW((void)take_devices("none", many, kMemory), Error);
}

}  // namespace
}  // namespace mayfly::broker
