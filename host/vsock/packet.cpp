// SPDX-License-Identifier: Apache-2.0
#include "vsock/packet.hpp"

namespace mayfly::vsock {

std::string_view describe(PacketFault fault) noexcept {
  switch (fault) {
    case PacketFault::kWrongSource:
      return "a packet is not from the guest's own CID";
    case PacketFault::kWrongDestination:
      return "a packet is not for the host's CID";
    case PacketFault::kUnknownType:
      return "a packet's type is not one that was offered";
    case PacketFault::kUnknownOperation:
      return "a packet's operation is not known";
  }
  return "unknown fault";
}

Result<Packet, PacketFault> parse(const Header& header, std::uint64_t guest_cid) noexcept {
  if (header.source_cid != guest_cid) {
    return unexpected(PacketFault::kWrongSource);
  }
  if (header.destination_cid != kHostCid) {
    return unexpected(PacketFault::kWrongDestination);
  }
  if (header.type != static_cast<std::uint16_t>(SocketType::kStream)) {
    return unexpected(PacketFault::kUnknownType);
  }
  if (header.operation < static_cast<std::uint16_t>(Operation::kRequest) ||
      header.operation > static_cast<std::uint16_t>(Operation::kCreditRequest)) {
    return unexpected(PacketFault::kUnknownOperation);
  }
  return Packet{.ports = {.host = header.destination_port, .guest = header.source_port},
                .operation = static_cast<Operation>(header.operation),
                .bytes = header.bytes,
                .flags = header.flags,
                .buffer_bytes = header.buffer_bytes,
                .forwarded_bytes = header.forwarded_bytes};
}

Header compose(const Packet& packet, std::uint64_t guest_cid, std::uint16_t type) noexcept {
  return {.source_cid = kHostCid,
          .destination_cid = guest_cid,
          .source_port = packet.ports.host,
          .destination_port = packet.ports.guest,
          .bytes = packet.bytes,
          .type = type,
          .operation = static_cast<std::uint16_t>(packet.operation),
          .flags = packet.flags,
          .buffer_bytes = packet.buffer_bytes,
          .forwarded_bytes = packet.forwarded_bytes};
}

}  // namespace mayfly::vsock
