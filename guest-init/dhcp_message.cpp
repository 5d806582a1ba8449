// SPDX-License-Identifier: Apache-2.0
#include "guest-init/dhcp_message.hpp"

#include <algorithm>
#include <bit>

namespace mayfly::init {
namespace {

using protocol::Ipv4Address;
using Bytes = std::span<const std::uint8_t>;

// Where fields are (RFC 2131, figure 1).
constexpr std::size_t kOperationAt = 0;
constexpr std::size_t kHardwareAt = 1;
constexpr std::size_t kHardwareBytesAt = 2;
constexpr std::size_t kTransactionAt = 4;
constexpr std::size_t kSecondsAt = 8;
constexpr std::size_t kFlagsAt = 10;
constexpr std::size_t kOwnAt = 12;
constexpr std::size_t kYoursAt = 16;
constexpr std::size_t kMacAt = 28;
constexpr std::size_t kCookieAt = 236;
constexpr std::size_t kOptionsAt = 240;

constexpr std::uint8_t kAsks = 1;
constexpr std::uint8_t kAnswers = 2;
constexpr std::uint8_t kEthernet = 1;
constexpr std::uint8_t kBroadcastFlag = 0x80;
constexpr std::array<std::uint8_t, 4> kCookie{99, 130, 83, 99};

// Options (RFC 2132).
enum Option : std::uint8_t {
  kPad = 0,
  kMask = 1,
  kRouters = 3,
  kNameservers = 6,
  kDomain = 15,
  kMtu = 26,
  kWantedAddress = 50,
  kLeaseTime = 51,
  kMessageKind = 53,
  kServer = 54,
  kWantedOptions = 55,
  kRenewTime = 58,
  kRebindTime = 59,
  kEnd = 255,
};

[[nodiscard]] std::uint32_t number_at(Bytes bytes, std::size_t at, std::size_t count) noexcept {
  std::uint32_t number = 0;
  for (const std::uint8_t byte : bytes.subspan(at, count)) {
    number = number << 8U | byte;
  }
  return number;
}

[[nodiscard]] Ipv4Address address_at(Bytes bytes, std::size_t at) noexcept {
  Ipv4Address address{};
  std::ranges::copy(bytes.subspan(at, address.size()), address.begin());
  return address;
}

/// Of one machine: not of a group, the loopback, or no network.
[[nodiscard]] bool is_of_a_machine(const Ipv4Address& address) noexcept {
  return address[0] != 0 && address[0] != 127 && address[0] < 224;
}

/// The bits of a network's mask; 0 when it is none.
[[nodiscard]] std::uint8_t prefix_of(std::uint32_t mask) noexcept {
  // Of a mask, the bits that are not its own are one less than a power of two.
  const std::uint32_t others = ~mask;
  return (others & (others + 1)) == 0 ? static_cast<std::uint8_t>(std::countl_one(mask)) : std::uint8_t{0};
}

/// It goes to /etc/resolv.conf: one name, without what has a meaning there.
[[nodiscard]] bool is_domain(Bytes text) noexcept {
  return text.size() <= kDomainMax && std::ranges::all_of(text, [](std::uint8_t c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                  c == '.' || c == '_';
         });
}

/// What was found; one that has another length than it must have is not.
struct Found {
  DhcpAnswer answer{};
  bool has_kind = false;
  Ipv4Address router{};
};

void read_domain(Bytes value, Lease& lease) noexcept {
  while (!value.empty() && value.back() == 0) {  // as some servers send it
    value = value.first(value.size() - 1);
  }
  if (is_domain(value)) {
    std::ranges::copy(value, lease.domain.begin());
    lease.domain_bytes = value.size();
  }
}

void read_nameservers(Bytes value, Lease& lease) noexcept {
  lease.nameserver_count = 0;
  for (; value.size() >= 4 && lease.nameserver_count < lease.nameservers.size(); value = value.subspan(4)) {
    if (const Ipv4Address server = address_at(value, 0); server != Ipv4Address{}) {
      lease.nameservers[lease.nameserver_count++] = server;
    }
  }
}

void read_option(std::uint8_t option, Bytes value, Found& found) noexcept {
  Lease& lease = found.answer.lease;
  const bool is_word = value.size() == 4;
  if (option == kMessageKind && value.size() == 1) {
    found.answer.kind = static_cast<DhcpKind>(value[0]);
    found.has_kind = true;
  } else if (option == kServer && is_word) {
    lease.server = address_at(value, 0);
  } else if (option == kMask && is_word) {
    lease.prefix = prefix_of(number_at(value, 0, 4));
  } else if (option == kRouters && value.size() >= 4) {
    found.router = address_at(value, 0);
  } else if (option == kNameservers) {
    read_nameservers(value, lease);
  } else if (option == kDomain) {
    read_domain(value, lease);
  } else if (option == kMtu && value.size() == 2) {
    const auto mtu = static_cast<std::uint16_t>(number_at(value, 0, 2));
    lease.mtu = mtu >= kMtuMin ? mtu : std::uint16_t{0};
  } else if (option == kLeaseTime && is_word) {
    lease.ends = number_at(value, 0, 4);
  } else if (option == kRenewTime && is_word) {
    lease.renew = number_at(value, 0, 4);
  } else if (option == kRebindTime && is_word) {
    lease.rebind = number_at(value, 0, 4);
  }
}

/// False when they end amid one.
[[nodiscard]] bool read_options(Bytes options, Found& found) noexcept {
  while (!options.empty() && options[0] != kEnd) {
    if (options[0] == kPad) {
      options = options.subspan(1);
      continue;
    }
    if (options.size() < 2 || options.size() - 2 < options[1]) {
      return false;
    }
    read_option(options[0], options.subspan(2, options[1]), found);
    options = options.subspan(std::size_t{2} + options[1]);
  }
  return true;
}

/// Where the server has not said them, or not so that they can be, as RFC 2131, 4.4.5 has them.
void settle_times(Lease& lease) noexcept {
  if (lease.ends == kForever) {
    lease.renew = lease.rebind = kForever;
    return;
  }
  if (lease.rebind == 0 || lease.rebind > lease.ends) {
    lease.rebind = lease.ends - lease.ends / 8;
  }
  if (lease.renew == 0 || lease.renew > lease.rebind) {
    lease.renew = std::min(lease.ends / 2, lease.rebind);
  }
}

class Options {
 public:
  explicit Options(std::span<std::uint8_t> room) noexcept : room_(room) {}
  void add(std::uint8_t option, std::span<const std::uint8_t> value) noexcept {
    room_[used_++] = option;
    room_[used_++] = static_cast<std::uint8_t>(value.size());
    std::ranges::copy(value, room_.subspan(used_).begin());
    used_ += value.size();
  }
  void end() noexcept { room_[used_] = kEnd; }

 private:
  std::span<std::uint8_t> room_;
  std::size_t used_ = 0;
};

}  // namespace

std::optional<DhcpAnswer> parse_dhcp(Bytes bytes, const Mac& mac, std::uint32_t transaction) noexcept {
  if (bytes.size() < kOptionsAt || bytes[kOperationAt] != kAnswers || bytes[kHardwareAt] != kEthernet ||
      bytes[kHardwareBytesAt] != mac.size() || number_at(bytes, kTransactionAt, 4) != transaction ||
      !std::ranges::equal(bytes.subspan(kMacAt, mac.size()), mac) ||
      !std::ranges::equal(bytes.subspan(kCookieAt, kCookie.size()), kCookie)) {
    return std::nullopt;
  }
  Found found;
  Lease& lease = found.answer.lease;
  if (!read_options(bytes.subspan(kOptionsAt), found) || !found.has_kind || !is_of_a_machine(lease.server)) {
    return std::nullopt;
  }
  if (found.answer.kind == DhcpKind::kNak) {
    DhcpAnswer refusal{.kind = DhcpKind::kNak, .lease = {}};
    refusal.lease.server = lease.server;
    return refusal;
  }
  lease.address = address_at(bytes, kYoursAt);
  if ((found.answer.kind != DhcpKind::kOffer && found.answer.kind != DhcpKind::kAck) || lease.prefix == 0 ||
      lease.ends == 0 || !is_of_a_machine(lease.address)) {
    return std::nullopt;
  }
  if (is_of_a_machine(found.router) && found.router != lease.address &&
      protocol::is_same_network(lease.address, found.router, lease.prefix)) {
    lease.gateway = found.router;
  }
  settle_times(lease);
  return found.answer;
}

std::array<std::uint8_t, kDhcpQuestionBytes> make_dhcp(const DhcpQuestion& question) noexcept {
  std::array<std::uint8_t, kDhcpQuestionBytes> bytes{};
  bytes[kOperationAt] = kAsks;
  bytes[kHardwareAt] = kEthernet;
  bytes[kHardwareBytesAt] = static_cast<std::uint8_t>(question.mac.size());
  for (std::size_t i = 0; i < 4; ++i) {
    bytes[kTransactionAt + i] = static_cast<std::uint8_t>(question.transaction >> (24U - 8U * i));
  }
  bytes[kSecondsAt] = static_cast<std::uint8_t>(question.seconds >> 8U);
  bytes[kSecondsAt + 1] = static_cast<std::uint8_t>(question.seconds);
  const Ipv4Address none{};
  bytes[kFlagsAt] = question.own == none ? kBroadcastFlag : std::uint8_t{0};
  std::ranges::copy(question.own, bytes.begin() + kOwnAt);
  std::ranges::copy(question.mac, bytes.begin() + kMacAt);
  std::ranges::copy(kCookie, bytes.begin() + kCookieAt);
  Options options{std::span(bytes).subspan(kOptionsAt)};
  options.add(kMessageKind, std::array{static_cast<std::uint8_t>(question.kind)});
  if (question.wanted != none) {
    options.add(kWantedAddress, question.wanted);
  }
  if (question.server != none) {
    options.add(kServer, question.server);
  }
  options.add(kWantedOptions, std::array<std::uint8_t, 5>{kMask, kRouters, kNameservers, kDomain, kMtu});
  options.end();
  return bytes;
}

}  // namespace mayfly::init
