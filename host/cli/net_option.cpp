// SPDX-License-Identifier: Apache-2.0
#include "cli/net_option.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <net/if.h>
#include <optional>
#include <string_view>
#include <utility>

#include <sys/random.h>

#include "base/error.hpp"
#include "cli/quantity.hpp"
#include "cli/rate_option.hpp"
#include "cli/refuse.hpp"

namespace mayfly::cli {
namespace {

using protocol::Ipv4Address;
using Mac = std::array<std::uint8_t, 6>;

constexpr std::string_view kQueuesAllowed = "a tap has 1 to 8 queues";
static_assert(vmm::kNetQueuesMax == 8);

/// `Count` numbers to `base` with `separator` between them; nothing when it is not that.
template <std::size_t Count>
std::optional<std::array<std::uint8_t, Count>> parse_bytes_of(std::string_view text, char separator,
                                                              int base) noexcept {
  std::array<std::uint8_t, Count> bytes{};
  for (std::size_t i = 0; i < Count; ++i) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bytes[i], base);
    if (error != std::errc()) {
      return std::nullopt;
    }
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const bool is_last = i + 1 == Count;
    if (is_last ? !text.empty() : !text.starts_with(separator)) {
      return std::nullopt;
    }
    text.remove_prefix(is_last ? 0 : 1);
  }
  return bytes;
}

Ipv4Address check_address(std::string_view text, std::string_view key, std::string_view value) {
  const auto address = parse_bytes_of<4>(value, '.', 10);
  if (!address.has_value() || *address == Ipv4Address{}) {
    refuse("--net", text, std::string(key) + " is an IPv4 address, such as 192.168.7.1");
  }
  return *address;
}

Mac check_mac(std::string_view text, std::string_view value) {
  const auto mac = parse_bytes_of<6>(value, ':', 16);
  if (!mac.has_value() || *mac == Mac{}) {
    refuse("--net", text, "mac is six bytes in hexadecimal, such as 02:00:00:00:00:01");
  }
  if ((mac->front() & 1U) != 0) {
    refuse("--net", text, "the MAC address is that of a group; a device's has an even first byte");
  }
  return *mac;
}

/// Locally administered, and of nobody else with overwhelming probability.
Mac random_mac() {
  Mac mac{};
  if (::getrandom(mac.data(), mac.size(), 0) != static_cast<ssize_t>(mac.size())) {
    fail_errno("getrandom");
  }
  mac[0] = static_cast<std::uint8_t>((mac[0] & 0xfcU) | 2U);
  return mac;
}

/// Seconds, for DHCP.
constexpr std::uint8_t kDhcpPatience = 10;

void set_dhcp_timeout(vmm::NetDevice& device, std::string_view text, std::string_view value) {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  const auto time = parse_duration(value);
  if (device.setup.has_address != protocol::kAddressByDhcp || !time.has_value() || *time % kSecond != 0 ||
      *time / kSecond < 1 || *time / kSecond > 255) {
    refuse("--net", text, "dhcp-timeout is, after ip=dhcp, a time of whole seconds up to 255s, such as 30s");
  }
  device.setup.prefix = static_cast<std::uint8_t>(*time / kSecond);
}

void set_address(vmm::NetDevice& device, std::string_view text, std::string_view value) {
  if (value == "dhcp") {
    if (device.user.has_value()) {
      refuse("--net", text, "a network of a user's has no DHCP; leave ip= out, or give an address");
    }
    device.setup.has_address = protocol::kAddressByDhcp;
    device.setup.address = {};
    device.setup.prefix = kDhcpPatience;
    return;
  }
  const std::size_t slash = std::min(value.find('/'), value.size());
  const auto bits = parse_count(value.substr(std::min(slash + 1, value.size())));
  if (!bits.has_value() || *bits < 1 || *bits > 32) {
    refuse("--net", text, "ip is an address and the bits of its network, such as 192.168.7.2/24, or dhcp");
  }
  device.setup.address = check_address(text, "ip", value.substr(0, slash));
  device.setup.prefix = static_cast<std::uint8_t>(*bits);
  device.setup.has_address = protocol::kAddressGiven;
}

/// Whom its guest asks for names.
constexpr Ipv4Address kUserDns{10, 0, 2, 3};

/// A network of its own, for a user: what is not said otherwise.
void make_user(vmm::NetDevice& device) {
  device.user.emplace();
  device.setup.has_address = protocol::kAddressGiven;
  device.setup.address = {10, 0, 2, 15};
  device.setup.prefix = 24;
  device.setup.gateway = {10, 0, 2, 2};
}

/// [ADDRESS/]PORT[:PORT] of TCP, as passt takes it; of the host's loopback when no address is given. UDP
/// needs one, of another network: without a way to the loopback for the guest passt has none for answers
/// either.
std::string check_forward(std::string_view text, std::string_view key, std::string_view value) {
  const auto is_port = [](std::string_view port) {
    const auto number = parse_count(port);
    return number.has_value() && *number >= 1 && *number <= 65535;
  };
  const std::size_t slash = value.find('/');
  const bool has_address = slash != std::string_view::npos;
  const std::string_view ports = has_address ? value.substr(slash + 1) : value;
  const std::size_t colon = std::min(ports.find(':'), ports.size());
  if ((has_address && !parse_bytes_of<4>(value.substr(0, slash), '.', 10)) ||
      !is_port(ports.substr(0, colon)) || (colon < ports.size() && !is_port(ports.substr(colon + 1)))) {
    refuse("--net", text,
           std::string(key) +
               " is a port of the host and, after a colon, the guest's, such as 8080:80; before it "
               "an address of the host and a slash, where it is not 127.0.0.1");
  }
  if (key == "udp" && (!has_address || value.starts_with("127."))) {
    refuse(
        "--net", text,
        "udp is an address of the host that others reach, a slash and the port, such as 192.168.7.1/53:53; "
        "answers find no way to 127.0.0.1");
  }
  return (has_address ? "" : "127.0.0.1/") + std::string(value);
}

/// N, or of a tap with several queues N+N...: one for each.
std::vector<int> check_descriptors(std::string_view text, std::string_view value) {
  std::vector<int> descriptors;
  for (std::size_t at = 0; at <= value.size();) {
    const std::size_t plus = std::min(value.find('+', at), value.size());
    const auto number = parse_descriptor(value.substr(at, plus - at));
    if (!number.has_value() || std::ranges::find(descriptors, *number) != descriptors.end()) {
      refuse(
          "--net", text,
          "fd is the number of a descriptor that mayfly was started with, 3 or more; of a tap with several "
          "queues one for each, such as 3+4");
    }
    descriptors.push_back(*number);
    at = plus + 1;
  }
  if (descriptors.size() > vmm::kNetQueuesMax) {
    refuse("--net", text, kQueuesAllowed);
  }
  return descriptors;
}

void set_queues(vmm::NetDevice& device, std::string_view text, std::string_view value) {
  if (device.tap.empty()) {
    refuse("--net", text,
           device.user.has_value()
               ? "queues is for a tap; user has one"
               : "queues is for tap=NAME; of descriptors give one for each, such as fd=3+4");
  }
  const auto count = parse_count(value);
  if (!count.has_value() || *count < 1 || *count > vmm::kNetQueuesMax) {
    refuse("--net", text, kQueuesAllowed);
  }
  device.queues = *count;
}

void set_vhost(vmm::NetDevice& device, std::string_view text, std::string_view value) {
  if (value != "on" && value != "off") {
    refuse("--net", text, "vhost is on or off");
  }
  if (device.user.has_value()) {
    refuse("--net", text, "vhost is for a tap; the packets of user are passt's");
  }
  device.by_vhost = value == "on";
}

void set_port(vmm::NetDevice& device, std::string_view text, std::string_view key, std::string_view value) {
  if (key == "user" && value.empty()) {
    make_user(device);
    return;
  }
  if (key == "tap") {
    if (value.empty() || value.size() >= IFNAMSIZ || value.find('/') != std::string_view::npos) {
      refuse("--net", text, "tap is the name of an interface, of up to 15 characters");
    }
    device.tap = value;
    return;
  }
  if (key != "fd") {
    refuse("--net", text, "write user, tap=NAME or fd=N, such as tap=tap0");
  }
  device.descriptors = check_descriptors(text, value);
  device.queues = device.descriptors.size();
}

void set_setting(vmm::NetDevice& device, std::string_view text, std::string_view key,
                 std::string_view value) {
  if (key == "mac") {
    device.setup.mac = check_mac(text, value);
  } else if (key == "ip") {
    set_address(device, text, value);
  } else if (key == "dhcp-timeout") {
    set_dhcp_timeout(device, text, value);
  } else if (key == "gateway") {
    device.setup.gateway = check_address(text, key, value);
  } else if (key == "tcp" && device.user.has_value()) {
    device.user->tcp.push_back(check_forward(text, key, value));
  } else if (key == "udp" && device.user.has_value()) {
    device.user->udp.push_back(check_forward(text, key, value));
  } else if (key == "dns") {
    device.nameservers.push_back(check_address(text, key, value));
  } else if (key == "queues") {
    set_queues(device, text, value);
  } else if (key == "vhost") {
    set_vhost(device, text, value);
  } else if (!set_direction_rate("--net", text, key, value, device.receive_limits, device.send_limits)) {
    refuse(
        "--net", text,
        "after the port there may be mac=MAC, ip=ADDRESS/BITS, gateway=ADDRESS and, repeated, dns=ADDRESS; "
        "instead ip=dhcp and dhcp-timeout=TIME; "
        "rx-rate=BYTES, tx-rate=BYTES, rx-pps=N and tx-pps=N; after tap=NAME also queues=N, and after it or "
        "fd=N vhost=on; "
        "after user also, repeated, tcp=PORT:PORT and udp=ADDRESS/PORT:PORT");
  }
}

bool has_same_tap(const vmm::NetDevice& one, const vmm::NetDevice& other) {
  return (!one.tap.empty() && one.tap == other.tap) ||
         std::ranges::find_first_of(one.descriptors, other.descriptors) != one.descriptors.end();
}

vmm::NetDevice check_network(std::string_view text) {
  vmm::NetDevice device;
  std::string_view rest = text;
  for (bool is_first = true; is_first || !rest.empty(); is_first = false) {
    const auto [key, value] = take_setting(rest);
    (is_first ? set_port : set_setting)(device, text, key, value);
  }
  if (device.user.has_value() && device.nameservers.empty()) {
    device.user->dns = kUserDns;
    device.nameservers.push_back(kUserDns);
  }
  if (device.setup.mac == Mac{}) {
    device.setup.mac = random_mac();
  }
  if (device.by_vhost && (device.receive_limits.any() || device.send_limits.any())) {
    refuse("--net", text, "the host's kernel keeps no limits; leave vhost=on out, or limit the tap (tc)");
  }
  if (device.setup.gateway != Ipv4Address{} && device.setup.has_address != protocol::kAddressGiven) {
    refuse("--net", text, "gateway= needs ip=ADDRESS/BITS");
  }
  if (device.setup.has_address == protocol::kAddressGiven && !protocol::is_valid(device.setup, "")) {
    refuse("--net", text, "the gateway is another address of the network of ip=");
  }
  return device;
}

}  // namespace

std::vector<vmm::NetDevice> check_networks(const std::vector<std::string>& texts) {
  std::vector<vmm::NetDevice> devices;
  std::size_t nameservers = 0;
  for (const std::string& text : texts) {
    vmm::NetDevice device = check_network(text);
    for (const vmm::NetDevice& other : devices) {
      if (other.setup.mac == device.setup.mac) {
        refuse("--net", text, "another --net has this MAC address");
      }
      if (other.user.has_value() && device.user.has_value()) {
        refuse("--net", text, "another --net is that; one leads to all that the host reaches");
      }
      if (has_same_tap(other, device)) {
        refuse("--net", text, "another --net has this tap");
      }
    }
    nameservers += device.nameservers.size();
    devices.push_back(std::move(device));
    if (devices.size() > protocol::kNetworksMax) {
      refuse("--net", text,
             "a guest has at most " + std::to_string(protocol::kNetworksMax) + " network devices");
    }
    if (nameservers > protocol::kNameserversMax) {
      refuse("--net", text,
             "programs ask at most " + std::to_string(protocol::kNameserversMax) + " DNS servers");
    }
  }
  return devices;
}

}  // namespace mayfly::cli
