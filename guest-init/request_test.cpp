// SPDX-License-Identifier: Apache-2.0
#include "guest-init/request.hpp"

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace mayfly::init {
namespace {

using protocol::LaunchField;
using Bytes = std::vector<std::byte>;

std::vector<std::string> strings(char* const* list) {
  std::vector<std::string> found;
  for (; *list != nullptr; ++list) {
    found.emplace_back(*list);
  }
  return found;
}

class RequestTest : public testing::Test {
 protected:
  Step index() {
    std::memcpy(storage_->bytes.data(), bytes_.data(), bytes_.size());
    return index_request(*storage_, bytes_.size(), request_);
  }

  std::unique_ptr<RequestStorage> storage_ = std::make_unique<RequestStorage>();
  Bytes bytes_;
  protocol::LaunchWriter<Bytes> writer_{bytes_};
  Request request_;
};

TEST_F(RequestTest, NetworksAndNameserversAreTaken) {
  constexpr protocol::NetworkSetup kSetup{{2, 0, 0, 0, 0, 1}, 1, 24, {10, 0, 0, 2}, {10, 0, 0, 1}};
  writer_.add_fixed(LaunchField::kNetwork, kSetup);
  writer_.add(LaunchField::kArgument, "sh");
  writer_.add_fixed(LaunchField::kNameserver, protocol::Ipv4Address{9, 9, 9, 9});
  writer_.add_fixed(LaunchField::kNameserver, protocol::Ipv4Address{10, 0, 0, 1});
  writer_.add(LaunchField::kUser, "joe");
  ASSERT_FALSE(index());
  ASSERT_EQ(request_.network_count, 1U);
  EXPECT_EQ(request_.networks[0].setup, kSetup);
  ASSERT_EQ(request_.nameserver_count, 2U);
  EXPECT_EQ(request_.nameservers[1], (protocol::Ipv4Address{10, 0, 0, 1}));
  EXPECT_EQ(request_.user, "joe");
}

TEST_F(RequestTest, AgentsPortIsTaken) {
  writer_.add(LaunchField::kArgument, "sh");
  writer_.add_fixed(LaunchField::kAgentPort, std::uint32_t{1023});
  ASSERT_FALSE(index());
  EXPECT_EQ(request_.agent_port, 1023U);
}

/// A request that another one, the first of the VM, stands behind.
class InheritTest : public RequestTest {
 protected:
  void SetUp() override {
    first_writer_.add(LaunchField::kArgument, "first");
    first_writer_.add(LaunchField::kEnvironment, "A=1");
    first_writer_.add(LaunchField::kEnvironment, "B=2");
    first_writer_.add(LaunchField::kWorkdir, "/first");
    first_writer_.add(LaunchField::kUser, "joe");
    writer_.add(LaunchField::kArgument, "second");
  }
  Step inherit_first() {
    std::memcpy(first_storage_->bytes.data(), first_bytes_.data(), first_bytes_.size());
    EXPECT_FALSE(index_request(*first_storage_, first_bytes_.size(), first_));
    EXPECT_FALSE(index());
    return inherit(first_, *storage_, request_);
  }

  std::unique_ptr<RequestStorage> first_storage_ = std::make_unique<RequestStorage>();
  Bytes first_bytes_;
  protocol::LaunchWriter<Bytes> first_writer_{first_bytes_};
  Request first_;
};

TEST_F(InheritTest, WhatARequestLeavesOpenIsTheFirstOnes) {
  ASSERT_FALSE(inherit_first());
  EXPECT_EQ(strings(request_.arguments), (std::vector<std::string>{"second"}));
  EXPECT_EQ(strings(request_.environment), (std::vector<std::string>{"A=1", "B=2"}));
  EXPECT_STREQ(request_.workdir, "/first");
  EXPECT_EQ(request_.user, "joe");
}

TEST_F(InheritTest, WhatARequestSaysItselfStays) {
  writer_.add(LaunchField::kEnvironment, "B=other");
  writer_.add(LaunchField::kEnvironment, "C=3");
  writer_.add(LaunchField::kWorkdir, "/second");
  writer_.add(LaunchField::kUser, "ann");
  ASSERT_FALSE(inherit_first());
  EXPECT_EQ(strings(request_.environment), (std::vector<std::string>{"B=other", "C=3", "A=1"}));
  EXPECT_STREQ(request_.workdir, "/second");
  EXPECT_EQ(request_.user, "ann");
}

TEST_F(InheritTest, MoreVariablesThanThereIsRoomForAreRefused) {
  // The smallest records there are, until no more fit: as many strings as a request can have.
  while (bytes_.size() + protocol::kRecordHeaderBytes <= protocol::kLaunchBytesMax) {
    writer_.add(LaunchField::kArgument, "");
  }
  ASSERT_FALSE(inherit_first()) << "two more have room";
  first_writer_.add(LaunchField::kEnvironment, "C=3");
  request_ = {};
  first_ = {};
  const Step refused = inherit_first();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->error, E2BIG);
}

TEST_F(RequestTest, MountsAreTaken) {
  writer_.add(LaunchField::kMount, std::string_view("\1\0\1\0/data", 9));
  writer_.add(LaunchField::kMount, std::string_view("\2\1\0\0/more", 9));
  writer_.add(LaunchField::kArgument, "sh");
  ASSERT_FALSE(index());
  ASSERT_EQ(request_.mount_count, 2U);
  EXPECT_EQ(request_.mounts[0].what, (protocol::DiskMount{1, 0, protocol::FileSystem::kErofs, 0}));
  EXPECT_STREQ(request_.mounts[0].path, "/data");
  EXPECT_EQ(request_.mounts[1].what, (protocol::DiskMount{2, 1, protocol::FileSystem::kExt4, 0}));
  EXPECT_STREQ(request_.mounts[1].path, "/more");
}

TEST_F(RequestTest, ModulesAreTaken) {
  writer_.add(LaunchField::kModule, "nvme io_timeout=60");
  writer_.add(LaunchField::kModule, "edu");
  writer_.add(LaunchField::kArgument, "sh");
  ASSERT_FALSE(index());
  ASSERT_EQ(request_.module_count, 2U);
  EXPECT_STREQ(request_.modules[0], "nvme io_timeout=60");
  EXPECT_STREQ(request_.modules[1], "edu");
}

TEST_F(RequestTest, StringsAreTerminatedWhereTheyLie) {
  writer_.add(LaunchField::kEnvironment, "A=1");
  writer_.add(LaunchField::kArgument, "sh");
  writer_.add(LaunchField::kWorkdir, "/srv");
  writer_.add(LaunchField::kArgument, "");
  writer_.add_terminal({.rows = 3, .columns = 4});
  writer_.add(LaunchField::kUser, "joe");
  writer_.add(LaunchField::kEnvironment, "B=2");
  writer_.add(LaunchField::kArgument, "last");
  ASSERT_FALSE(index());
  EXPECT_EQ(strings(request_.arguments), (std::vector<std::string>{"sh", "", "last"}));
  EXPECT_EQ(strings(request_.environment), (std::vector<std::string>{"A=1", "B=2"}));
  EXPECT_STREQ(request_.workdir, "/srv");
  EXPECT_EQ(request_.user, "joe");
  EXPECT_EQ(request_.hostname, "");
  EXPECT_EQ(request_.terminal, (protocol::TerminalSize{.rows = 3, .columns = 4}));
}

TEST_F(RequestTest, DefaultsYieldToWhatIsSet) {
  writer_.add(LaunchField::kArgument, "x");
  writer_.add(LaunchField::kEnvironment, "HOME=/mine");
  writer_.add(LaunchField::kEnvironment, "PATHS=no");
  ASSERT_FALSE(index());
  request_.set_default("HOME", "HOME=/root");
  request_.set_default("PATH", "PATH=/bin");
  request_.set_default("TERM", "TERM=xterm");
  EXPECT_EQ(strings(request_.environment),
            (std::vector<std::string>{"HOME=/mine", "PATHS=no", "PATH=/bin", "TERM=xterm"}));
  EXPECT_STREQ(request_.variable("PATH"), "/bin");
  EXPECT_EQ(request_.variable("USER"), nullptr);
}

TEST_F(RequestTest, LargestNumberOfStringsFits) {
  const std::size_t most =
      (protocol::kLaunchBytesMax - protocol::kLaunchHeaderBytes) / protocol::kRecordHeaderBytes;
  bytes_.resize(protocol::kLaunchHeaderBytes + most * protocol::kRecordHeaderBytes);
  for (std::size_t i = 0; i < most; ++i) {
    bytes_[protocol::kLaunchHeaderBytes + i * protocol::kRecordHeaderBytes] = std::byte{1};
  }
  const auto records = static_cast<std::uint32_t>(bytes_.size() - protocol::kLaunchHeaderBytes);
  std::memcpy(bytes_.data() + 4, &records, sizeof(records));
  ASSERT_FALSE(index());
  for (const char* name : {"A", "B", "C"}) {
    request_.set_default(name, name);
  }
  EXPECT_EQ(strings(request_.arguments).size(), most);
}

TEST_F(RequestTest, RequestWithoutCommandIsRefused) {
  writer_.add(LaunchField::kWorkdir, "/");
  const Step failed = index();
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->text.view(), "launch request names no command");
}

TEST_F(RequestTest, MalformedRequestIsRefusedInItsWords) {
  bytes_[0] = std::byte{0};
  const Step failed = index();
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->kind, protocol::ExitKind::kSetupFailed);
  EXPECT_EQ(failed->text.view(), protocol::describe(protocol::LaunchFault::kBadMagic));
}

/// The same over a channel, whose bytes arrive as they like.
class ReceiveRequest : public RequestTest {
 protected:
  /// Sends header and request, then receives.
  Step receive(protocol::FrameHeader header) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    std::thread host([&] {
      ssize_t sent = send(ends[0], &header, 3, MSG_NOSIGNAL);
      sent = send(ends[0], reinterpret_cast<const char*>(&header) + 3, sizeof(header) - 3, MSG_NOSIGNAL);
      for (std::size_t at = 0; at < bytes_.size() && sent > 0; at += static_cast<std::size_t>(sent)) {
        sent =
            send(ends[0], bytes_.data() + at, std::min<std::size_t>(bytes_.size() - at, 4096), MSG_NOSIGNAL);
      }
    });
    Channel channel(ends[1]);
    Step failed = receive_request(channel, *storage_, request_);
    shutdown(ends[0], SHUT_RDWR);
    host.join();
    close(ends[0]);
    close(ends[1]);
    return failed;
  }

  [[nodiscard]] protocol::FrameHeader header() const {
    return {.type = protocol::FrameType::kLaunch,
            .stream = protocol::Stream::kStdin,
            .zero = 0,
            .payload_bytes = static_cast<std::uint32_t>(bytes_.size())};
  }
};

TEST_F(ReceiveRequest, LargeRequestArrivesWhole) {
  for (int i = 0; i < 30; ++i) {
    writer_.add(LaunchField::kArgument, std::string(100'000, static_cast<char>('a' + i)));
  }
  ASSERT_FALSE(receive(header()));
  const auto arguments = strings(request_.arguments);
  ASSERT_EQ(arguments.size(), 30U);
  EXPECT_EQ(arguments[29], std::string(100'000, static_cast<char>('a' + 29)));
}

TEST_F(ReceiveRequest, OtherFirstFramesAreRefused) {
  writer_.add(LaunchField::kArgument, "x");
  auto wrong_type = header();
  wrong_type.type = protocol::FrameType::kData;
  auto wrong_zero = header();
  wrong_zero.zero = 1;
  auto wrong_stream = header();
  wrong_stream.stream = protocol::Stream::kStdout;
  auto too_long = header();
  too_long.payload_bytes = protocol::kLaunchBytesMax + 1;
  for (const auto& wrong : {wrong_type, wrong_zero, wrong_stream, too_long}) {
    const Step failed = receive(wrong);
    ASSERT_TRUE(failed);
    EXPECT_EQ(failed->text.view(), "channel does not begin with a launch request");
  }
}

}  // namespace
}  // namespace mayfly::init
