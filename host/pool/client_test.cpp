// SPDX-License-Identifier: Apache-2.0
#include "pool/client.hpp"

#include <array>
#include <thread>

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include "base/checked.hpp"
#include "base/error.hpp"
#include "base/temporary_folder.hpp"

namespace mayfly::pool {
namespace {

/// A client of what is no pool of ours.
class PoolClient : public ::testing::Test {
 protected:
  /// What the client says when it is answered so, without the pool's path.
  template <typename Message>
  std::string refusal(const Message& answer, std::span<const int> files = {}) const {
    const std::string path = (folder_.path() / "socket").string();
    const lease::Listener listener(path);
    std::thread pool([&] {
      pollfd waits{listener.fd(), POLLIN, 0};
      ::poll(&waits, 1, -1);
      const Fd client = listener.accept();
      waits.fd = client.get();
      ::poll(&waits, 1, -1);
      std::array<std::byte, sizeof(WireRequest)> request;
      EXPECT_EQ(::read(client.get(), request.data(), request.size()), std::ssize(request));
      EXPECT_TRUE(lease::send_packet(client.get(), std::as_bytes(std::span(&answer, 1)), files));
    });
    std::string said;
    try {
      (void)take_memory(path, 2 * kMiB, Pages::k2m);
    } catch (const Error& error) {
      said = error.what();
    }
    pool.join();
    const std::string begin = "the pool at " + path + ": ";
    return said.starts_with(begin) ? said.substr(begin.size()) : said;
  }

  mayfly::testing::TemporaryFolder folder_;
};

TEST_F(PoolClient, WhatIsNoAnswerIsSaid) {
  EXPECT_EQ(refusal(WireRequest()), "it says a message of another size");
  EXPECT_EQ(refusal(WireAnswer{.version = 2}), "it says a message of another version of mayfly");
  EXPECT_EQ(refusal(WireStatus()), "a message is too large, or brings too many descriptors");
}

TEST_F(PoolClient, RefusalIsItsReason) { EXPECT_EQ(refusal(to_wire(Answer{"none left"})), "none left"); }

TEST_F(PoolClient, GrantOfOtherPagesOrWithoutMemoryIsRefused) {
  EXPECT_EQ(refusal(to_wire(Answer{"", Pages::k2m})), "it gave 0 descriptors, not one");
  EXPECT_EQ(refusal(to_wire(Answer{"", Pages::k4k}), std::array{1}), "it gave 4k pages");
  EXPECT_EQ(refusal(to_wire(Answer{"", Pages::k2m}), std::array{1, 1}), "it gave 2 descriptors, not one");
  EXPECT_EQ(refusal(to_wire(Answer{"", Pages::k2m}), std::array{1}), "");
}

TEST_F(PoolClient, NobodyThereIsSaid) {
  try {
    (void)ask_status(folder_.path() / "none");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("no pool serves at"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace mayfly::pool
