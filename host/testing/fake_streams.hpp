// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "vsock/streams.hpp"

namespace mayfly::testing {

/// Clients of a guest that are strings. Keeps the rules of the interface: nothing for a slot that is empty,
/// nothing more after an end.
class FakeStreams final : public vsock::Streams {
 public:
  struct Client {
    /// What it has sent and nobody has read, and what it was sent.
    std::string to_guest;
    std::string from_guest;
    /// How much more it takes.
    std::size_t takes = SIZE_MAX;
    bool sends_no_more = false;
    bool takes_no_more = false;
    bool output_ended = false;
    bool input_ended = false;
    std::optional<std::uint32_t> granted;
    std::uint32_t port = 0;
  };

  /// A client of ask(), or one that connect() made.
  Client& client(vsock::Slot slot) { return clients_[slot]; }
  [[nodiscard]] bool is_there(vsock::Slot slot) const { return clients_.count(slot) != 0; }
  [[nodiscard]] std::size_t count() const { return clients_.size(); }
  /// The first there is.
  [[nodiscard]] std::optional<vsock::Slot> first() const {
    return clients_.empty() ? std::nullopt : std::optional(clients_.begin()->first);
  }
  /// Those that were closed since the last call, as they were then.
  [[nodiscard]] std::vector<Client> take_closed() { return std::exchange(closed_, {}); }

  Connect answer = Connect::kConnected;

  Connect connect(vsock::Slot slot, std::uint32_t port) noexcept override {
    MAYFLY_ASSERT(!is_there(slot));
    if (answer != Connect::kRefused) {
      clients_[slot].port = port;
    }
    return answer;
  }
  void granted(vsock::Slot slot, std::uint32_t port) noexcept override { there(slot).granted = port; }
  vsock::Moved read(vsock::Slot slot, std::span<std::byte> to) noexcept override {
    Client& client = there(slot);
    MAYFLY_ASSERT(!to.empty() && !client.input_ended);
    const std::size_t bytes = std::min(to.size(), client.to_guest.size());
    std::copy_n(std::as_bytes(std::span(client.to_guest)).begin(), bytes, to.begin());
    client.to_guest.erase(0, bytes);
    return {bytes, bytes > 0              ? vsock::Moved::Then::kMore
                   : client.sends_no_more ? vsock::Moved::Then::kOver
                                          : vsock::Moved::Then::kBlocked};
  }
  vsock::Moved write(vsock::Slot slot, std::span<const std::byte> from) noexcept override {
    Client& client = there(slot);
    MAYFLY_ASSERT(!from.empty() && !client.output_ended);
    if (client.takes_no_more) {
      return {0, vsock::Moved::Then::kOver};
    }
    const std::size_t bytes = std::min(from.size(), client.takes);
    // Safe: bytes as characters.
    client.from_guest.append(reinterpret_cast<const char*>(from.data()), bytes);
    client.takes -= client.takes == SIZE_MAX ? 0 : bytes;
    return {bytes, bytes < from.size() ? vsock::Moved::Then::kBlocked : vsock::Moved::Then::kMore};
  }
  void end_output(vsock::Slot slot) noexcept override { there(slot).output_ended = true; }
  void end_input(vsock::Slot slot) noexcept override { there(slot).input_ended = true; }
  void close(vsock::Slot slot) noexcept override {
    closed_.push_back(there(slot));
    clients_.erase(slot);
  }

 private:
  Client& there(vsock::Slot slot) noexcept {
    const auto found = clients_.find(slot);
    MAYFLY_ASSERT(found != clients_.end());
    return found->second;
  }

  std::map<vsock::Slot, Client> clients_;
  std::vector<Client> closed_;
};

}  // namespace mayfly::testing
