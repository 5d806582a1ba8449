// SPDX-License-Identifier: Apache-2.0
#include "broker/client.hpp"

#include <cerrno>
#include <iterator>
#include <utility>

#include <sys/socket.h>
#include <sys/time.h>

#include "base/error.hpp"
#include "broker/messages.hpp"
#include "broker/socket.hpp"

namespace mayfly::broker {
namespace {

/// The longest that a broker resets devices before it gives them up, and more.
constexpr timeval kPatience{.tv_sec = 60, .tv_usec = 0};

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw Error("the broker at " + path + ": " + why);
}

Packet await_answer(int socket, const std::string& path) {
  try {
    return receive_packet(socket, sizeof(WireAnswer), kFilesMax);
  } catch (const Error& error) {
    refuse(path, error.errno_value() == EAGAIN ? "does not answer" : error.what());
  }
}

}  // namespace

Lease take_devices(const std::string& path, std::span<const vfio::PciAddress> addresses) {
  if (addresses.size() > kDevicesMax) {
    throw Error("a broker gives a guest at most " + std::to_string(kDevicesMax) + " devices");
  }
  Lease lease{connect_to(path), {}};
  const int socket = lease.connection.get();
  const auto peer = peer_of(socket);
  if (!peer.has_value() || !is_trusted(*peer)) {
    refuse(path, "it is another user's, neither ours nor root's");
  }
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));
  const WireRequest request = to_wire(Request(addresses));
  if (!send_packet(socket, std::as_bytes(std::span(&request, 1)))) {
    refuse(path, "has ended the connection");
  }
  Packet packet = await_answer(socket, path);
  if (packet.bytes.empty()) {
    refuse(path, "has ended the connection");
  }
  const auto answer = parse_answer(packet.bytes);
  if (!answer.has_value()) {
    refuse(path, "it says " + std::string(describe(answer.error())));
  }
  if (!answer->refusal.empty()) {
    refuse(path, answer->refusal);
  }
  if (packet.files.size() != addresses.size() + 1) {
    refuse(path, "it gave " + std::to_string(packet.files.size()) + " descriptors for " +
                     std::to_string(addresses.size()) + " devices");
  }
  lease.files.interface = answer->interface;
  lease.files.space = std::move(packet.files.front());
  lease.files.devices.assign(std::make_move_iterator(packet.files.begin() + 1),
                             std::make_move_iterator(packet.files.end()));
  return lease;
}

}  // namespace mayfly::broker
