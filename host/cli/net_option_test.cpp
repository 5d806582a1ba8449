// SPDX-License-Identifier: Apache-2.0
#include "cli/net_option.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace mayfly::cli {
namespace {

std::string refusal(const std::vector<std::string>& texts) {
  try {
    (void)check_networks(texts);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(NetOption, TapAloneGetsAnAddressOfItsOwn) {
  const auto devices = check_networks({"tap=tap0", "tap=tap1"});
  ASSERT_EQ(devices.size(), 2U);
  EXPECT_EQ(devices[0].tap, "tap0");
  EXPECT_EQ(devices[0].setup.has_address, 0);
  EXPECT_EQ(devices[0].setup.mac[0] & 3, 2) << "locally administered, and no group";
  EXPECT_NE(devices[0].setup.mac, devices[1].setup.mac);
}

TEST(NetOption, EverythingIsTaken) {
  const auto devices = check_networks(
      {"tap=t-0.1,mac=02:aB:0:1:2:3,ip=192.168.7.2/24,gateway=192.168.7.1,dns=9.9.9.9,dns=1.1.1.1"});
  ASSERT_EQ(devices.size(), 1U);
  const protocol::NetworkSetup expected{{2, 0xab, 0, 1, 2, 3}, 1, 24, {192, 168, 7, 2}, {192, 168, 7, 1}};
  EXPECT_EQ(devices[0].setup, expected);
  EXPECT_EQ(devices[0].nameservers, (std::vector<protocol::Ipv4Address>{{9, 9, 9, 9}, {1, 1, 1, 1}}));
}

TEST(NetOption, TheHostsKernelMovesPacketsOfATapWhenAsked) {
  const auto devices =
      check_networks({"tap=a", "tap=b,vhost=on", "fd=3+4,vhost=on", "tap=c,vhost=off,tx-rate=1M"});
  EXPECT_FALSE(devices[0].by_vhost);
  EXPECT_TRUE(devices[1].by_vhost);
  EXPECT_TRUE(devices[2].by_vhost);
  EXPECT_FALSE(devices[3].by_vhost);
  EXPECT_EQ(refusal({"tap=a,vhost=auto"}), "--net 'tap=a,vhost=auto': vhost is on or off");
  EXPECT_EQ(refusal({"user,vhost=on"}),
            "--net 'user,vhost=on': vhost is for a tap; the packets of user are passt's");
  for (const char* const limit : {"rx-rate=1M", "tx-pps=10"}) {
    EXPECT_NE(refusal({std::string("tap=a,vhost=on,") + limit}).find("the host's kernel keeps no limits"),
              std::string::npos);
  }
}

TEST(NetOption, DescriptorIsTaken) {
  const auto devices = check_networks({"fd=7"});
  EXPECT_EQ(devices[0].descriptors, std::vector<int>{7});
  EXPECT_EQ(devices[0].queues, 1U);
  EXPECT_EQ(devices[0].tap, "");
  for (const char* number : {"", "2", "-1", "x", "4294967296"}) {
    EXPECT_NE(refusal({std::string("fd=") + number}).find("3 or more"), std::string::npos) << number;
  }
}

TEST(NetOption, ATapHasQueues) {
  const auto devices = check_networks({"tap=a,queues=4", "tap=b,queues=1", "tap=c", "fd=3+4+9"});
  EXPECT_EQ(devices[0].queues, 4U);
  EXPECT_EQ(devices[1].queues, 1U);
  EXPECT_EQ(devices[2].queues, 1U);
  EXPECT_EQ(devices[3].descriptors, (std::vector<int>{3, 4, 9}));
  EXPECT_EQ(devices[3].queues, 3U);
  for (const char* count : {"", "0", "9", "-1", "x", "18446744073709551617"}) {
    EXPECT_EQ(refusal({std::string("tap=a,queues=") + count}),
              std::string("--net 'tap=a,queues=") + count + "': a tap has 1 to 8 queues");
  }
  EXPECT_EQ(refusal({"user,queues=2"}), "--net 'user,queues=2': queues is for a tap; user has one");
  EXPECT_NE(refusal({"fd=3,queues=2"}).find("of descriptors give one for each, such as fd=3+4"),
            std::string::npos);
  EXPECT_NE(refusal({"fd=3+4+5+6+7+8+9+10+11"}).find("1 to 8 queues"), std::string::npos);
  for (const char* number : {"3+", "+3", "3++4", "3+3", "3+2", "3,4+5"}) {
    EXPECT_NE(refusal({std::string("fd=") + number}), "") << number;
  }
}

TEST(NetOption, UserHasANetworkOfItsOwn) {
  const auto devices = check_networks({"user", "tap=tap0"});
  ASSERT_TRUE(devices[0].user.has_value());
  EXPECT_EQ(devices[0].setup.address, (protocol::Ipv4Address{10, 0, 2, 15}));
  EXPECT_EQ(devices[0].setup.prefix, 24);
  EXPECT_EQ(devices[0].setup.gateway, (protocol::Ipv4Address{10, 0, 2, 2}));
  EXPECT_EQ(devices[0].nameservers, (std::vector<protocol::Ipv4Address>{{10, 0, 2, 3}}));
  EXPECT_EQ(devices[0].user->dns, (protocol::Ipv4Address{10, 0, 2, 3}));
  EXPECT_TRUE(devices[0].user->tcp.empty());
  EXPECT_FALSE(devices[1].user.has_value());
}

TEST(NetOption, UserTakesPortsAndOtherAddresses) {
  const auto device =
      check_networks({"user,ip=172.16.0.9/16,gateway=172.16.0.1,dns=9.9.9.9,tcp=8080:80,tcp=0.0.0.0/"
                      "443,udp=192.168.7.1/53:5353"})[0];
  EXPECT_EQ(device.setup.address, (protocol::Ipv4Address{172, 16, 0, 9}));
  EXPECT_EQ(device.nameservers, (std::vector<protocol::Ipv4Address>{{9, 9, 9, 9}}));
  EXPECT_EQ(device.user->dns, protocol::Ipv4Address{}) << "nothing to pass on";
  EXPECT_EQ(device.user->tcp, (std::vector<std::string>{"127.0.0.1/8080:80", "0.0.0.0/443"}));
  EXPECT_EQ(device.user->udp, std::vector<std::string>{"192.168.7.1/53:5353"});
  EXPECT_NE(refusal({"user", "user"}).find("another --net is that"), std::string::npos);
  EXPECT_NE(refusal({"user,ip=172.16.0.9/16"}).find("the gateway is another address"), std::string::npos);
  for (const char* text : {"tcp=", "tcp=0", "tcp=65536", "tcp=80:", "tcp=:80", "tcp=80:80:80", "tcp=x/80",
                           "tcp=/80", "udp=1.2.3/80", "tcp=80-90", "tcp=1.2.3.4/80/80", "tcp=none"}) {
    EXPECT_NE(refusal({std::string("user,") + text}).find("is a port of the host"), std::string::npos)
        << text;
  }
  for (const char* text : {"user,udp=53", "user,udp=127.0.0.1/53", "user,udp=127.1.2.3/53:53"}) {
    EXPECT_NE(refusal({text}).find("answers find no way to 127.0.0.1"), std::string::npos) << text;
  }
  EXPECT_NE(refusal({"tap=t,tcp=80"}).find("after user also"), std::string::npos);
  EXPECT_NE(refusal({"user=x"}).find("write user, tap=NAME or fd=N"), std::string::npos);
}

TEST(NetOption, AnAddressMayComeByDhcp) {
  const auto devices = check_networks({"tap=a,ip=dhcp", "fd=7,ip=dhcp,dhcp-timeout=30s,dns=9.9.9.9"});
  EXPECT_TRUE(protocol::is_valid(devices[0].setup, devices[0].other_end()));
  EXPECT_EQ(devices[0].setup.has_address, protocol::kAddressByDhcp);
  EXPECT_EQ(devices[0].setup.prefix, 10) << "seconds";
  EXPECT_EQ(devices[0].other_end(), "a");
  EXPECT_EQ(devices[1].setup.prefix, 30);
  EXPECT_EQ(devices[1].other_end(), "fd 7");
  EXPECT_TRUE(protocol::is_valid(check_networks({"tap=a,ip=10.0.0.2/8,ip=dhcp"})[0].setup, "a"));
  for (const char* text : {"tap=a,dhcp-timeout=3s", "tap=a,ip=dhcp,dhcp-timeout=0s",
                           "tap=a,ip=dhcp,dhcp-timeout=256s", "tap=a,ip=dhcp,dhcp-timeout=1500ms"}) {
    EXPECT_NE(refusal({text}).find("dhcp-timeout is, after ip=dhcp"), std::string::npos) << text;
  }
  EXPECT_NE(refusal({"tap=a,ip=dhcp,gateway=10.0.0.1"}).find("gateway= needs ip=ADDRESS/BITS"),
            std::string::npos);
  EXPECT_NE(refusal({"user,ip=dhcp"}).find("a network of a user's has no DHCP"), std::string::npos);
}

TEST(NetOption, MalformedTextIsNamed) {
  EXPECT_EQ(refusal({"eth0"}), "--net 'eth0': write user, tap=NAME or fd=N, such as tap=tap0");
  EXPECT_EQ(refusal({"tap=a,ip=10.0.0.2"}),
            "--net 'tap=a,ip=10.0.0.2': ip is an address and the bits of its network, such as "
            "192.168.7.2/24, or dhcp");
  for (const char* text : {"",
                           "tap=",
                           "tap=sixteencharacter",
                           "tap=a/b",
                           "ip=10.0.0.2/8",
                           "tap=a,x=1",
                           "tap=a,tap=b",
                           "tap=a,ip=10.0.0/8",
                           "tap=a,ip=10.0.0.256/8",
                           "tap=a,ip=1.2.3.4.5/8",
                           "tap=a,ip=10.0.0.2/0",
                           "tap=a,ip=10.0.0.2/33",
                           "tap=a,ip=0.0.0.0/8",
                           "tap=a,mac=02:00:00:00:00",
                           "tap=a,mac=02:00:00:00:00:00:00",
                           "tap=a,mac=02-00-00-00-00-01",
                           "tap=a,mac=g:0:0:0:0:1",
                           "tap=a,mac=01:00:00:00:00:01",
                           "tap=a,mac=0:0:0:0:0:0",
                           "tap=a,dns=",
                           "tap=a,dns=::1"}) {
    EXPECT_NE(refusal({text}).find("--net '"), std::string::npos) << text;
  }
}

TEST(NetOption, HasLimitsOfEachDirection) {
  const auto devices = check_networks({"tap=a,rx-rate=1M,tx-rate=2M/1K,rx-pps=30,tx-pps=4/5", "tap=b"});
  EXPECT_EQ(devices[0].receive_limits.bytes, (Rate{1U << 20U, (1U << 20U) / 10}));
  EXPECT_EQ(devices[0].receive_limits.operations, (Rate{30, 3}));
  EXPECT_EQ(devices[0].send_limits.bytes, (Rate{2U << 20U, 1024}));
  EXPECT_EQ(devices[0].send_limits.operations, (Rate{4, 5}));
  EXPECT_FALSE(devices[1].receive_limits.any() || devices[1].send_limits.any());
  EXPECT_EQ(
      refusal({"tap=a,tx-rate=fast"}),
      "--net 'tap=a,tx-rate=fast': tx-rate is bytes a second and, after a slash, bytes at once, such as "
      "10M or 10M/1M; leave it out for no limit");
  for (const char* text : {"tap=a,rx-=1", "tap=a,tx-iops=1", "tap=a,rate=1", "tap=a,pps=1"}) {
    EXPECT_NE(refusal({text}).find("after the port there may be"), std::string::npos) << text;
  }
}

TEST(NetOption, GatewayIsOfTheNetwork) {
  EXPECT_NE(refusal({"tap=a,gateway=10.0.0.1"}).find("needs ip="), std::string::npos);
  EXPECT_NE(refusal({"tap=a,ip=10.0.0.2/24,gateway=10.0.1.1"}).find("of the network of ip="),
            std::string::npos);
  EXPECT_NE(refusal({"tap=a,ip=10.0.0.2/24,gateway=10.0.0.2"}).find("another address"), std::string::npos);
}

TEST(NetOption, NothingIsGivenTwice) {
  EXPECT_NE(refusal({"tap=a", "tap=a"}).find("has this tap"), std::string::npos);
  EXPECT_NE(refusal({"fd=4", "fd=4"}).find("has this tap"), std::string::npos);
  EXPECT_NE(refusal({"fd=4+5", "fd=6+5"}).find("has this tap"), std::string::npos);
  EXPECT_NE(refusal({"tap=a,mac=2:0:0:0:0:1", "tap=b,mac=2:0:0:0:0:1"}).find("MAC address"),
            std::string::npos);
}

TEST(NetOption, DevicesAndServersAreCounted) {
  std::vector<std::string> texts;
  for (int i = 0; i < 9; ++i) {
    EXPECT_EQ(refusal(texts), "");
    texts.push_back("tap=t" + std::to_string(i));
  }
  EXPECT_NE(refusal(texts).find("at most 8"), std::string::npos);
  EXPECT_NE(refusal({"tap=a,dns=1.1.1.1,dns=1.1.1.2", "tap=b,dns=1.1.1.3,dns=1.1.1.4"}).find("at most 3"),
            std::string::npos);
}

}  // namespace
}  // namespace mayfly::cli
