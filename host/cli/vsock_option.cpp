// SPDX-License-Identifier: Apache-2.0
#include "cli/vsock_option.hpp"

#include <string_view>

#include "cli/quantity.hpp"
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

}  // namespace

vmm::GuestSockets check_vsock(const std::string& text) {
  vmm::GuestSockets sockets;
  std::string_view rest = text;
  sockets.path = take_part(rest);
  if (sockets.path.empty()) {
    refuse("--vsock", text, "write the path of a socket, such as /run/app.sock");
  }
  if (sockets.path.size() > vsock::kPathMax) {
    refuse("--vsock", text,
           "the path has " + std::to_string(sockets.path.size()) + " characters; it may have " +
               std::to_string(vsock::kPathMax) + ", so that those of ports can be a socket's");
  }
  if (rest.empty()) {
    return sockets;
  }
  constexpr std::string_view kCid = "cid=";
  const std::string_view part = take_part(rest);
  if (!part.starts_with(kCid) || !rest.empty()) {
    refuse("--vsock", text, "after the path there may be cid=N");
  }
  sockets.cid = check_cid(text, part.substr(kCid.size()));
  return sockets;
}

}  // namespace mayfly::cli
