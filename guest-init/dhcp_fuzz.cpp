// SPDX-License-Identifier: Apache-2.0
/// Bytes of a DHCP server: what is taken of them can be set up, and whatever comes, the client waits between
/// what it says.
#include <algorithm>
#include <cstdlib>

#include "guest-init/dhcp_exchange.hpp"

namespace {

using namespace mayfly::init;  // NOLINT(google-build-using-namespace): a fuzzer of this one namespace

constexpr Mac kMac{2, 0, 0, 0, 0, 1};
constexpr std::uint32_t kTransaction = 0x01020304;

void require(bool is_so) {
  if (!is_so) {
    std::abort();
  }
}

void require_sound(const DhcpAnswer& answer) {
  const Lease& lease = answer.lease;
  if (answer.kind == DhcpKind::kNak) {
    return;
  }
  require(mayfly::protocol::is_valid(
      {kMac, mayfly::protocol::kAddressGiven, lease.prefix, lease.address, lease.gateway}, ""));
  require(lease.renew <= lease.rebind && lease.rebind <= lease.ends && lease.ends != 0);
  require(lease.nameserver_count <= lease.nameservers.size() && lease.domain_bytes <= lease.domain.size());
  require(std::ranges::none_of(lease.domain_name(), [](char c) { return c <= ' ' || c == '#' || c == ';'; }));
  require(lease.mtu == 0 || lease.mtu >= kMtuMin);
}

}  // namespace

/// Two answers, the first of as many bytes as the first two say.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) {
    return 0;
  }
  const std::span<const std::uint8_t> bytes(data + 2, size - 2);
  const std::size_t cut = std::min<std::size_t>(data[0] + data[1] * std::size_t{256}, bytes.size());
  DhcpExchange exchange(kMac, kTransaction, 0);
  std::uint64_t now = 0;
  for (const auto answer : {bytes.first(cut), bytes.subspan(cut), bytes.first(cut), bytes.subspan(cut)}) {
    (void)exchange.advance(now);
    if (const auto parsed = parse_dhcp(answer, kMac, kTransaction)) {
      require_sound(*parsed);
    }
    if (exchange.receive(answer, now)) {
      require(exchange.due_ms() > now);
    }
  }
  for (int turns = 0; turns < 20 && exchange.due_ms() != DhcpExchange::kNever; ++turns) {
    now = std::max(now, exchange.due_ms());
    require(exchange.advance(now).has_value() && exchange.due_ms() > now);
  }
  return 0;
}
