// SPDX-License-Identifier: Apache-2.0
#include "guest-init/interface.hpp"

#include <cerrno>
#include <cstring>
#include <net/route.h>
#include <netinet/in.h>

#include <sys/ioctl.h>
#include <sys/socket.h>

namespace mayfly::init {
namespace {

using protocol::Ipv4Address;
using protocol::NetworkSetup;

[[nodiscard]] sockaddr socket_address(const Ipv4Address& address) noexcept {
  sockaddr_in internet{};
  internet.sin_family = AF_INET;
  std::memcpy(&internet.sin_addr, address.data(), address.size());
  sockaddr any{};
  static_assert(sizeof(any) == sizeof(internet));
  std::memcpy(&any, &internet, sizeof(any));
  return any;
}

}  // namespace

int set_up_interface(int any_socket, ifreq interface, const NetworkSetup& setup) noexcept {
  if (setup.has_address == protocol::kAddressGiven) {
    interface.ifr_addr = socket_address(setup.address);
    if (ioctl(any_socket, SIOCSIFADDR, &interface) != 0) {
      return errno;
    }
    interface.ifr_netmask = socket_address(protocol::mask_of(setup.prefix));
    if (ioctl(any_socket, SIOCSIFNETMASK, &interface) != 0) {
      return errno;
    }
  }
  interface.ifr_flags = IFF_UP;
  if (ioctl(any_socket, SIOCSIFFLAGS, &interface) != 0) {
    return errno;
  }
  if (setup.gateway == Ipv4Address{}) {
    return 0;
  }
  rtentry route{};
  route.rt_dst = route.rt_genmask = socket_address({});
  route.rt_gateway = socket_address(setup.gateway);
  route.rt_flags = RTF_UP | RTF_GATEWAY;
  route.rt_dev = interface.ifr_name;
  return ioctl(any_socket, SIOCADDRT, &route) == 0 ? 0 : errno;
}

int take_address(int any_socket, ifreq interface) noexcept {
  interface.ifr_addr = socket_address({});
  return ioctl(any_socket, SIOCSIFADDR, &interface) == 0 ? 0 : errno;
}

int set_mtu(int any_socket, ifreq interface, std::uint16_t mtu) noexcept {
  interface.ifr_mtu = mtu;
  return ioctl(any_socket, SIOCSIFMTU, &interface) == 0 ? 0 : errno;
}

}  // namespace mayfly::init
