// SPDX-License-Identifier: Apache-2.0
#include "guest-init/network.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

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

/// The interface with that MAC address, as a request with its name; false when there is none.
[[nodiscard]] bool find_interface(int any_socket, const std::array<std::uint8_t, 6>& mac,
                                  ifreq& found) noexcept {
  // Indices are given from 1 on, and nothing has been removed yet.
  for (int index = 1;; ++index) {
    found = {};
    found.ifr_ifindex = index;
    if (ioctl(any_socket, SIOCGIFNAME, &found) != 0) {
      return false;
    }
    if (ioctl(any_socket, SIOCGIFHWADDR, &found) == 0 &&
        std::memcmp(found.ifr_hwaddr.sa_data, mac.data(), mac.size()) == 0) {
      return true;
    }
  }
}

/// Errno, or 0.
[[nodiscard]] int set_up(int any_socket, ifreq interface, const NetworkSetup& setup) noexcept {
  if (setup.has_address != 0) {
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

[[nodiscard]] Text text_of(const std::array<std::uint8_t, 6>& mac) noexcept {
  constexpr std::string_view kDigits = "0123456789abcdef";
  Text text;
  for (std::size_t i = 0; i < mac.size(); ++i) {
    text.add(i == 0 ? "" : ":").add({&kDigits[mac[i] / 16U], 1}).add({&kDigits[mac[i] % 16U], 1});
  }
  return text;
}

}  // namespace

Step raise_loopback() noexcept {
  const int any_socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (any_socket < 0) {
    return setup_failure(errno, "opening a socket for the loopback interface");
  }
  ifreq loopback{};
  std::memcpy(loopback.ifr_name, "lo", 3);
  loopback.ifr_flags = IFF_UP;
  const int error = ioctl(any_socket, SIOCSIFFLAGS, &loopback) == 0 ? 0 : errno;
  close(any_socket);
  if (error != 0) {
    return setup_failure(error, "bringing the loopback interface up");
  }
  return std::nullopt;
}

Step set_up_networks(std::span<const NetworkSetup> setups) noexcept {
  if (setups.empty()) {
    return std::nullopt;
  }
  const int any_socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (any_socket < 0) {
    return setup_failure(errno, "opening a socket for the network");
  }
  Step failed;
  for (const NetworkSetup& setup : setups) {
    ifreq interface {};
    if (!find_interface(any_socket, setup.mac, interface)) {
      failed =
          setup_failure(ENODEV, "finding the network interface (has the guest kernel CONFIG_VIRTIO_NET?)",
                        text_of(setup.mac).view());
    } else if (const int error = set_up(any_socket, interface, setup); error != 0) {
      failed = setup_failure(error, "setting up the network interface", interface.ifr_name);
    }
    if (failed) {
      break;
    }
  }
  close(any_socket);
  return failed;
}

Step set_nameservers(std::span<const Ipv4Address> servers) noexcept {
  constexpr const char* kPath = "/etc/resolv.conf";
  if (servers.empty()) {
    return std::nullopt;
  }
  Text text;
  for (const Ipv4Address& server : servers) {
    text.add("nameserver ");
    for (std::size_t i = 0; i < server.size(); ++i) {
      text.add(i == 0 ? "" : ".").add_number(server[i]);
    }
    text.add("\n");
  }
  // An image's may be a link to nowhere, or to what somebody else reads.
  (void)mkdir("/etc", 0755);
  (void)unlink(kPath);
  const int file = open(kPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  const auto size = static_cast<ssize_t>(text.view().size());
  const bool written = file >= 0 && write(file, text.view().data(), text.view().size()) == size;
  const int error = errno;
  if (file >= 0) {
    close(file);
  }
  return written ? std::nullopt : Step(setup_failure(error, "writing", kPath));
}

Step set_host_name(std::string_view name) noexcept {
  const std::string_view chosen = name.empty() ? "mayfly" : name;
  if (sethostname(chosen.data(), chosen.size()) != 0) {
    return setup_failure(errno, "setting the host name", chosen);
  }
  return std::nullopt;
}

}  // namespace mayfly::init
