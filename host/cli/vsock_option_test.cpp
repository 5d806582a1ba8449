// SPDX-License-Identifier: Apache-2.0
#include "cli/vsock_option.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace mayfly::cli {
namespace {

std::string refusal(const std::string& text) {
  try {
    (void)check_vsock(text);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(VsockOption, PathAloneGetsTheFirstAddressOfAGuest) {
  const vmm::GuestSockets sockets = check_vsock("/run/app.sock");
  EXPECT_EQ(sockets.path, "/run/app.sock");
  EXPECT_EQ(sockets.cid, 3U);
}

TEST(VsockOption, AddressIsTaken) {
  EXPECT_EQ(check_vsock("a,cid=3").cid, 3U);
  EXPECT_EQ(check_vsock("a,cid=4294967294").cid, 4294967294U);
  EXPECT_EQ(check_vsock("a,cid=77").path, "a");
}

TEST(VsockOption, AddressOfNoGuestIsRefused) {
  EXPECT_EQ(refusal("a,cid=2"),
            "--vsock 'a,cid=2': cid is the guest's address, a number from 3 to 4294967294");
  for (const char* number : {"", "0", "4294967295", "-1", "x", "3x", "99999999999999999999"}) {
    EXPECT_NE(refusal(std::string("a,cid=") + number).find("from 3 to"), std::string::npos) << number;
  }
}

TEST(VsockOption, LimitsAreOfEachDirection) {
  const vmm::GuestSockets sockets = check_vsock("a,tx-rate=2M/1K,cid=5,rx-pps=30");
  EXPECT_EQ(sockets.cid, 5U);
  EXPECT_EQ(sockets.receive_limits.operations, (Rate{30, 3}));
  EXPECT_EQ(sockets.receive_limits.bytes, Rate{});
  EXPECT_EQ(sockets.send_limits.bytes, (Rate{2U << 20U, 1024}));
  EXPECT_FALSE(check_vsock("a").receive_limits.any() || check_vsock("a").send_limits.any());
  EXPECT_NE(refusal("a,tx-rate=0").find("--vsock 'a,tx-rate=0': tx-rate is bytes a second"),
            std::string::npos);
}

TEST(VsockOption, MalformedTextIsNamed) {
  EXPECT_EQ(refusal(""), "--vsock '': write the path of a socket, such as /run/app.sock, or vhost,cid=N");
  EXPECT_NE(refusal(",cid=3").find("write the path"), std::string::npos);
  for (const char* text : {"a,b", "a,id=3", "a,cid=3,b", "a,rx-ops=3", "a,rate=3"}) {
    EXPECT_NE(refusal(text).find("after the path there may be cid=N"), std::string::npos) << text;
  }
}

TEST(VsockOption, TheHostsKernelHasThemWhenAsked) {
  const vmm::GuestSockets sockets = check_vsock("vhost,cid=52");
  EXPECT_TRUE(sockets.by_vhost);
  EXPECT_EQ(sockets.cid, 52U);
  EXPECT_EQ(sockets.path, "");
  EXPECT_FALSE(check_vsock("./vhost").by_vhost) << "a socket of that name";
  for (const char* text : {"vhost", "vhost,id=3", "vhost,cid=52,rx-rate=1M", "vhost,rx-rate=1M,cid=52"}) {
    EXPECT_NE(refusal(text).find("after vhost there is cid=N alone"), std::string::npos) << text;
  }
  EXPECT_NE(refusal("vhost,cid=2").find("a number from 3 to"), std::string::npos);
}

TEST(VsockOption, PathLeavesRoomForPorts) {
  EXPECT_EQ(refusal(std::string(96, 'a')), "");
  EXPECT_NE(refusal(std::string(97, 'a')).find("the path has 97 characters; it may have 96"),
            std::string::npos);
}

}  // namespace
}  // namespace mayfly::cli
