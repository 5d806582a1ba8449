// SPDX-License-Identifier: Apache-2.0
#include "cli/vsock_option.hpp"

#include <string_view>

#include "cli/quantity.hpp"
#include "cli/rate_option.hpp"
#include "cli/refuse.hpp"
#include "vsock/connector.hpp"
#include "vsock/packet.hpp"

namespace mayfly::cli {
namespace {

std::uint64_t check_cid(std::string_view text, std::string_view value) {
  const auto cid = parse_count(value);
  if (!cid.has_value() || *cid < vsock::kGuestCidMin || *cid > vsock::kGuestCidMax) {
    refuse("--vsock", text,
           "cid is the guest's address, a number from " + std::to_string(vsock::kGuestCidMin) + " to " +
               std::to_string(vsock::kGuestCidMax));
  }
  return *cid;
}

/// `rest` is what stands after vhost.
vmm::GuestSockets check_vhost(std::string_view text, std::string_view rest) {
  vmm::GuestSockets sockets;
  sockets.by_vhost = true;
  const auto [key, value] = take_setting(rest);
  if (key != "cid" || !rest.empty()) {
    refuse("--vsock", text,
           "after vhost there is cid=N alone, the guest's address among all sockets of the host");
  }
  sockets.cid = check_cid(text, value);
  return sockets;
}

}  // namespace

vmm::GuestSockets check_vsock(const std::string& text) {
  vmm::GuestSockets sockets;
  std::string_view rest = text;
  sockets.path = take_part(rest);
  if (sockets.path == "vhost") {
    return check_vhost(text, rest);
  }
  if (sockets.path.empty()) {
    refuse("--vsock", text, "write the path of a socket, such as /run/app.sock, or vhost,cid=N");
  }
  if (sockets.path.size() > vsock::kPathMax) {
    refuse("--vsock", text,
           "the path has " + std::to_string(sockets.path.size()) + " characters; it may have " +
               std::to_string(vsock::kPathMax) + ", so that those of ports can be a socket's");
  }
  while (!rest.empty()) {
    const auto [key, value] = take_setting(rest);
    if (key == "cid") {
      sockets.cid = check_cid(text, value);
    } else if (!set_direction_rate("--vsock", text, key, value, sockets.receive_limits,
                                   sockets.send_limits)) {
      refuse("--vsock", text,
             "after the path there may be cid=N, rx-rate=BYTES, tx-rate=BYTES, rx-pps=N and tx-pps=N");
    }
  }
  return sockets;
}

}  // namespace mayfly::cli
