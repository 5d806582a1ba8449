// SPDX-License-Identifier: Apache-2.0
// In a network namespace of its own, where the host lets the test have one.
#include "vmm/tap.hpp"

#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <net/if.h>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.hpp"
#include "vmm/net_ports.hpp"

namespace mayfly::vmm {
namespace {

ifreq request_for(const char* name) {
  ifreq request{};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  return request;
}

class TapTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    has_namespace_ = ::unshare(CLONE_NEWNET) == 0 || ::unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
  }
  void SetUp() override {
    if (!has_namespace_ || ::access("/dev/net/tun", R_OK | W_OK) != 0) {
      GTEST_SKIP() << "the host has no /dev/net/tun or no network namespace for us";
    }
  }

  /// A tap or tun that is joined as long as the result is open.
  static Fd make(const char* name, int flags) {
    Fd fd(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
    ifreq request = request_for(name);
    request.ifr_flags = static_cast<short>(flags);
    EXPECT_EQ(::ioctl(fd.get(), TUNSETIFF, &request), 0) << std::strerror(errno);
    return fd;
  }
  /// Stays when nobody is joined any more, as those of `ip tuntap add` do.
  static void make_lasting(const char* name, int flags) {
    const Fd fd = make(name, flags);
    EXPECT_EQ(::ioctl(fd.get(), TUNSETPERSIST, 1), 0);
  }
  static void raise(const char* name, const char* address) {
    const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request = request_for(name);
    sockaddr_in internet{};
    internet.sin_family = AF_INET;
    ::inet_pton(AF_INET, address, &internet.sin_addr);
    std::memcpy(&request.ifr_addr, &internet, sizeof(internet));
    EXPECT_EQ(::ioctl(socket.get(), SIOCSIFADDR, &request), 0);
    request.ifr_flags = IFF_UP;
    EXPECT_EQ(::ioctl(socket.get(), SIOCSIFFLAGS, &request), 0);
  }
  template <typename Make>
  static std::string refusal(Make make) {
    try {
      (void)make();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

 private:
  static inline bool has_namespace_ = false;
};

// The host answers: who has 10.9.0.1?
void expect_answers(io::PacketPort& tap) {
  constexpr std::array<std::uint8_t, 42> kQuestion{
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,  0, 0, 0, 0, 9, 8, 6,               // to all, from us, ARP
      0,    1,    8,    0,    6,    4,    0,  1, 2, 0, 0, 0, 0, 9, 10, 9, 0, 2,  // a question, our addresses
      0,    0,    0,    0,    0,    0,    10, 9, 0, 1};
  std::array<std::uint8_t, 12> header{};
  auto question = kQuestion;
  const std::array<iovec, 2> pieces{{{header.data(), header.size()}, {question.data(), question.size()}}};
  ASSERT_EQ(tap.send(pieces), static_cast<ssize_t>(header.size() + question.size()));
  std::array<std::uint8_t, 2048> packet{};
  const std::array<iovec, 2> room{{{header.data(), header.size()}, {packet.data(), packet.size()}}};
  for (int other = 0; other < 100; ++other) {
    pollfd readable{tap.fd(), POLLIN, 0};
    ASSERT_EQ(::poll(&readable, 1, 20'000), 1) << "no answer";
    ASSERT_GT(tap.receive(room), 12);
    if (packet[12] == 8 && packet[13] == 6 && packet[21] == 2) {
      return;
    }
  }
  FAIL() << "only other packets";
}

TEST_F(TapTest, CarriesPacketsBothWays) {
  make_lasting("tap-a", IFF_TAP);
  Tap tap("tap-a");
  raise("tap-a", "10.9.0.1");
  EXPECT_EQ(tap.name(), "tap-a");
  EXPECT_EQ(tap.mtu(), 1500);
  EXPECT_NE(tap.offered() & io::kSegmentTcp4, 0);
  tap.set_offloads(tap.offered());
  expect_answers(tap);
}

TEST_F(TapTest, NothingWaitsWithoutAPacket) {
  make_lasting("tap-b", IFF_TAP);
  Tap tap("tap-b");
  std::array<char, 64> byte{};
  const std::array<iovec, 1> room{{{byte.data(), byte.size()}}};
  EXPECT_EQ(tap.receive(room), -EAGAIN);
}

TEST_F(TapTest, OneOfSeveralQueuesIsTaken) {
  make_lasting("tap-c", IFF_TAP | IFF_MULTI_QUEUE);
  EXPECT_EQ(refusal([] { return Tap("tap-c"); }), "");
}

bool is_detached(const io::PacketPort& port) {
  ifreq request{};
  EXPECT_EQ(::ioctl(port.fd(), TUNGETIFF, &request), 0);
  return (request.ifr_flags & IFF_DETACH_QUEUE) != 0;
}

TEST_F(TapTest, OfSeveralQueuesTheFirstAloneReceivesUntilOthersAreToo) {
  make_lasting("tap-g", IFF_TAP | IFF_MULTI_QUEUE);
  NetDevice device;
  device.tap = "tap-g";
  device.queues = 3;
  const std::vector<NetPorts> ports = open_ports({device}, nullptr);
  ASSERT_EQ(ports[0].size(), 3U);
  raise("tap-g", "10.9.0.1");
  EXPECT_FALSE(is_detached(*ports[0][0].port));
  EXPECT_TRUE(is_detached(*ports[0][1].port) && is_detached(*ports[0][2].port));
  expect_answers(*ports[0][0].port);
  ports[0][1].port->set_receives(true);
  EXPECT_FALSE(is_detached(*ports[0][1].port));
  EXPECT_TRUE(is_detached(*ports[0][2].port));
  ports[0][1].port->set_receives(false);
  EXPECT_TRUE(is_detached(*ports[0][1].port));
}

TEST_F(TapTest, OneQueueIsNotSeveral) {
  make_lasting("tap-h", IFF_TAP);
  const std::string expected =
      "--net: the tap 'tap-h' has one queue; as root: ip link delete tap-h && ip tuntap add dev tap-h mode "
      "tap multi_queue user $USER";
  EXPECT_EQ(refusal([] { return Tap("tap-h", TapQueue::kFirst); }), expected);
  const Tap user("tap-h");
  EXPECT_EQ(refusal([] { return Tap("tap-h", TapQueue::kFirst); }), expected) << "also where it is in use";
  EXPECT_NE(refusal([] { return Tap("lo", TapQueue::kFirst); }).find("'lo' is not a tap"), std::string::npos);
}

TEST_F(TapTest, DescriptorsAreQueuesOfOneTap) {
  constexpr int kSeveral = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE;
  const Fd first = make("tap-i", kSeveral);
  const Fd second = make("tap-i", kSeveral);
  const Fd other = make("tap-j", kSeveral);
  const Fd single = make("tap-k", kSeveral & ~IFF_MULTI_QUEUE);
  const auto open = [](const Fd& one, const Fd& another) {
    NetDevice device;
    device.descriptors = {::dup(one.get()), ::dup(another.get())};
    return std::move(open_ports({device}, nullptr)[0]);
  };
  // Also when an earlier run has left them in another state.
  for (const auto& [one, another] : {std::pair(&first, &second), {&first, &second}, {&second, &first}}) {
    const NetPorts ports = open(*one, *another);
    ASSERT_EQ(ports.size(), 2U);
    EXPECT_FALSE(is_detached(*ports[0].port));
    EXPECT_TRUE(is_detached(*ports[1].port));
  }
  EXPECT_NE(
      refusal([&] { return open(first, other); }).find("is of the tap 'tap-j', the first one of 'tap-i'"),
      std::string::npos);
  EXPECT_NE(refusal([&] { return open(single, single); }).find("'tap-k'; join it with IFF_MULTI_QUEUE"),
            std::string::npos);
}

TEST_F(TapTest, NameThatIsNotThereIsNotMade) {
  for (int again = 0; again < 2; ++again) {
    EXPECT_EQ(
        refusal([] { return Tap("tap-no"); }),
        "--net: the host has no interface 'tap-no'; as root: ip tuntap add dev tap-no mode tap user $USER");
  }
}

TEST_F(TapTest, WhatIsNoTapIsNamed) {
  make_lasting("tun-a", IFF_TUN);
  EXPECT_NE(refusal([] { return Tap("tun-a"); }).find("'tun-a' is not a tap; as root: ip tuntap"),
            std::string::npos);
  EXPECT_NE(refusal([] { return Tap("lo"); }).find("'lo' is not a tap"), std::string::npos);
}

TEST_F(TapTest, ATapHasOneOwner) {
  make_lasting("tap-d", IFF_TAP);
  const Tap tap("tap-d");
  EXPECT_EQ(refusal([] { return Tap("tap-d"); }), "--net: the tap 'tap-d' is in use by another process");
}

TEST_F(TapTest, DescriptorOfATapIsTakenOver) {
  Fd joined = make("tap-e", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
  const int number = ::dup(joined.get());
  joined = Fd();
  Tap tap(number);
  EXPECT_EQ(tap.name(), "tap-e");
  EXPECT_EQ(::fcntl(number, F_GETFD), -1) << "closed";
  EXPECT_NE(::fcntl(tap.fd(), F_GETFD) & FD_CLOEXEC, 0);
  raise("tap-e", "10.9.0.1");
  expect_answers(tap);
}

TEST_F(TapTest, AnotherDescriptorIsRefused) {
  const Fd tun = make("tun-b", IFF_TUN | IFF_NO_PI | IFF_VNET_HDR);
  const Fd bare = make("tap-f", IFF_TAP | IFF_NO_PI);
  for (const int number : {-1, 0, tun.get(), bare.get()}) {
    EXPECT_NE(refusal([number] { return Tap(number); }).find("is not joined to a tap with IFF_NO_PI"),
              std::string::npos)
        << number;
  }
}

}  // namespace
}  // namespace mayfly::vmm
