// SPDX-License-Identifier: Apache-2.0
#include "guest-init/dhcp_client.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <netinet/in.h>

#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guest-init/dhcp_exchange.hpp"
#include "guest-init/interface.hpp"

namespace mayfly::init {
namespace {

using protocol::Ipv4Address;
using protocol::NetworkSetup;

constexpr std::uint16_t kServerPort = 67;
constexpr std::uint16_t kClientPort = 68;
/// The longest sleep at a time.
constexpr std::uint64_t kHourMs = 3'600'000;

[[nodiscard]] std::uint64_t now_ms() noexcept {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000 + static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
}

[[nodiscard]] sockaddr_in endpoint(const Ipv4Address& address, std::uint16_t port) noexcept {
  sockaddr_in internet{};
  internet.sin_family = AF_INET;
  internet.sin_port = htons(port);
  std::memcpy(&internet.sin_addr, address.data(), address.size());
  return internet;
}

/// Of UDP, for one interface, which needs no address: the kernel lets broadcasts through both ways. No packet
/// socket, which the kernel may not have. -1 and errno: there is none.
[[nodiscard]] int open_socket(const ifreq& interface) noexcept {
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int yes = 1;
  const sockaddr_in here = endpoint({}, kClientPort);
  // Safe: what bind() takes of this family.
  if (socket < 0 || setsockopt(socket, SOL_SOCKET, SO_BROADCAST, &yes, sizeof(yes)) != 0 ||
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
      setsockopt(socket, SOL_SOCKET, SO_BINDTODEVICE, interface.ifr_name, sizeof(interface.ifr_name)) != 0 ||
      bind(socket, reinterpret_cast<const sockaddr*>(&here), sizeof(here)) != 0) {
    const int error = errno;
    close(socket);
    errno = error;
    return -1;
  }
  return socket;
}

/// Says what is due, and hears what has come.
class Conversation {
 public:
  Conversation(int socket, const Mac& mac, std::uint32_t random) noexcept
      : socket_(socket), exchange_(mac, random, now_ms()) {}

  [[nodiscard]] const DhcpExchange& exchange() const noexcept { return exchange_; }
  [[nodiscard]] bool has_heard() const noexcept { return has_heard_; }

  /// One letter and one answer at most; whether it gave a lease. Waits until `until_ms` at the longest.
  [[nodiscard]] bool turn(std::uint64_t until_ms) noexcept {
    std::uint64_t now = now_ms();
    if (const auto letter = exchange_.advance(now)) {
      send(*letter);
    }
    const std::uint64_t wake = std::min({until_ms, exchange_.due_ms(), now + kHourMs});
    pollfd ready{.fd = socket_, .events = POLLIN, .revents = 0};
    if (poll(&ready, 1, static_cast<int>(wake - std::min(now, wake))) <= 0) {
      return false;
    }
    std::array<std::uint8_t, kDhcpAnswerBytesMax> answer{};
    const ssize_t got = recv(socket_, answer.data(), answer.size(), 0);
    now = now_ms();
    has_heard_ = has_heard_ || got >= 0;
    return got > 0 && exchange_.receive(std::span(answer).first(static_cast<std::size_t>(got)), now);
  }

 private:
  /// What cannot be sent now is sent again later, as what is lost on its way.
  void send(const DhcpExchange::Letter& letter) const noexcept {
    const auto bytes = make_dhcp(letter.question);
    const sockaddr_in to = endpoint(letter.to, kServerPort);
    // Safe: what sendto() takes of this family.
    (void)sendto(socket_, bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof(to));
  }

  int socket_;
  DhcpExchange exchange_;
  bool has_heard_ = false;
};

[[nodiscard]] int apply(int any_socket, const ifreq& interface, const Mac& mac, const Lease& lease) noexcept {
  if (lease.mtu != 0) {
    (void)set_mtu(any_socket, interface, lease.mtu);  // a larger one than the device's is none
  }
  return set_up_interface(any_socket, interface,
                          {mac, protocol::kAddressGiven, lease.prefix, lease.address, lease.gateway});
}

/// All that the process does which keeps the lease.
[[noreturn]] void keep_lease(int any_socket, const ifreq& interface, const Mac& mac,
                             Conversation& conversation) noexcept {
  bool has_address = true;
  for (;;) {
    const bool leased = conversation.turn(DhcpExchange::kNever);
    const bool ended = conversation.exchange().state() < DhcpExchange::State::kBound;
    if (ended && has_address) {
      (void)take_address(any_socket, interface);
      has_address = false;
    }
    if (leased && !has_address) {
      has_address = apply(any_socket, interface, mac, conversation.exchange().lease()) == 0;
    }
  }
}

[[nodiscard]] Failure no_lease(const ifreq& interface, const Network& network, bool has_heard) noexcept {
  Failure failure = setup_failure(ETIMEDOUT, "getting an address by DHCP for", interface.ifr_name);
  failure.text.add(" (").add(network.other_end).add("): ");
  failure.text.add(has_heard ? "what answers gives none that can be used" : "no server answers");
  failure.text.add(", within ").add_number(network.setup.prefix).add(" s; does one serve ");
  failure.text.add(network.other_end).add(", and does the host's filter let UDP ports 67 and 68 through?");
  return failure;
}

}  // namespace

Step set_up_by_dhcp(int any_socket, const ifreq& interface, const Network& network, Lease& lease) noexcept {
  std::uint32_t random = 0;
  const Mac& mac = network.setup.mac;
  NetworkSetup bare{};
  bare.mac = mac;
  if (const int error = set_up_interface(any_socket, interface, bare); error != 0) {
    return setup_failure(error, "setting up the network interface", interface.ifr_name);
  }
  // Without entropy, which mayfly gives: the MAC address is of one guest too.
  if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random)) {
    std::memcpy(&random, &mac[2], sizeof(random));
  }
  const int socket = open_socket(interface);
  if (socket < 0) {
    return setup_failure(errno, "opening a socket for DHCP on", interface.ifr_name);
  }
  Conversation conversation(socket, mac, random);
  const std::uint64_t until_ms = now_ms() + std::uint64_t{network.setup.prefix} * 1000;
  while (!conversation.turn(until_ms)) {
    if (now_ms() >= until_ms) {
      close(socket);
      return no_lease(interface, network, conversation.has_heard());
    }
  }
  lease = conversation.exchange().lease();
  if (const int error = apply(any_socket, interface, mac, lease); error != 0) {
    close(socket);
    return setup_failure(error, "setting up what DHCP gave for", interface.ifr_name);
  }
  const pid_t process = lease.ends == kForever ? -2 : fork();
  if (process == 0) {
    keep_lease(any_socket, interface, mac, conversation);
  }
  const int error = errno;
  close(socket);
  return process == -1 ? Step(setup_failure(error, "making the process that renews the lease"))
                       : std::nullopt;
}

}  // namespace mayfly::init
