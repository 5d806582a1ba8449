// SPDX-License-Identifier: Apache-2.0
#include "guest-init/network.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <net/if.h>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest-init/dhcp_client.hpp"
#include "guest-init/interface.hpp"

namespace mayfly::init {
namespace {

using protocol::Ipv4Address;

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

Step set_up_networks(std::span<const Network> networks, Names& names) noexcept {
  if (networks.empty()) {
    return std::nullopt;
  }
  const int any_socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (any_socket < 0) {
    return setup_failure(errno, "opening a socket for the network");
  }
  Step failed;
  for (const Network& network : networks) {
    const protocol::NetworkSetup& setup = network.setup;
    ifreq interface {};
    if (!find_interface(any_socket, setup.mac, interface)) {
      failed =
          setup_failure(ENODEV, "finding the network interface (has the guest kernel CONFIG_VIRTIO_NET?)",
                        text_of(setup.mac).view());
    } else if (setup.has_address == protocol::kAddressByDhcp) {
      Lease lease;
      failed = set_up_by_dhcp(any_socket, interface, network, lease);
      names.add(lease);
    } else if (const int error = set_up_interface(any_socket, interface, setup); error != 0) {
      failed = setup_failure(error, "setting up the network interface", interface.ifr_name);
    }
    if (failed) {
      break;
    }
  }
  close(any_socket);
  return failed;
}

void Names::add(const Lease& lease) noexcept {
  for (std::size_t i = 0; !are_given && i < lease.nameserver_count && server_count < servers.size(); ++i) {
    servers[server_count++] = lease.nameservers[i];
  }
  if (domain_bytes == 0) {
    domain = lease.domain;
    domain_bytes = lease.domain_bytes;
  }
}

Step set_names(const Names& names) noexcept {
  constexpr const char* kPath = "/etc/resolv.conf";
  if (names.server_count == 0) {
    return std::nullopt;
  }
  Text text;
  if (names.domain_bytes != 0) {
    text.add("search ").add({names.domain.data(), names.domain_bytes}).add("\n");
  }
  for (const Ipv4Address& server : std::span(names.servers).first(names.server_count)) {
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
