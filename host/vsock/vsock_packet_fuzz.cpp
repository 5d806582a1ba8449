// SPDX-License-Identifier: Apache-2.0
// Any packets of a guest, and clients that do what they like, against the endpoint. The streams keep the
// rules of their interface; what else must hold is looked at after each step.
#include <array>
#include <cstdint>
#include <fuzzer/FuzzedDataProvider.h>
#include <string>

#include "base/error.hpp"
#include "testing/fake_streams.hpp"
#include "vsock/endpoint.hpp"

namespace mayfly::vsock {
namespace {

constexpr std::uint64_t kGuestCid = 3;
/// Ports are few, so that packets meet.
constexpr std::uint32_t kPorts = 4;

/// Made once, since its memory is much to make: a reset brings it back to its beginning, but for the clock.
class Machine {
 public:
  void run(FuzzedDataProvider& input) {
    while (input.remaining_bytes() > 0) {
      step(input);
      check();
    }
    // A guest that takes all, and time enough, leave nothing behind of what has ended.
    while (receive(4096)) {
    }
    endpoint_.set_time(now_ns_ += Endpoint::kLingerNs);
    endpoint_.expire();
    endpoint_.reset();
    (void)streams_.take_closed();
    streams_.answer = Streams::Connect::kConnected;
    MAYFLY_ASSERT(streams_.count() == 0 && endpoint_.counts().connections == 0);
    MAYFLY_ASSERT(!endpoint_.has_news() && endpoint_.deadline_ns() == Endpoint::kNever);
  }

 private:
  void step(FuzzedDataProvider& input) {
    switch (input.ConsumeIntegralInRange(0, 9)) {
      case 0:
      case 1:
      case 2:
        guest_sends(input);
        break;
      case 3:
        (void)receive(input.ConsumeIntegralInRange<std::size_t>(1, 100));
        break;
      case 4:
        if (const auto slot = endpoint_.ask(input.ConsumeIntegralInRange<std::uint32_t>(0, kPorts))) {
          change(input, streams_.client(*slot));
        }
        break;
      case 5:
      case 6:
        client_moves(input);
        break;
      case 7:
        streams_.answer = static_cast<Streams::Connect>(input.ConsumeIntegralInRange(0, 2));
        break;
      case 8:
        endpoint_.set_time(now_ns_ += input.ConsumeIntegral<std::uint32_t>() * std::uint64_t{16});
        endpoint_.expire();
        break;
      default:
        if (input.ConsumeIntegralInRange(0, 15) == 0) {
          endpoint_.reset();
        } else {
          answer_later(input);
        }
        break;
    }
  }
  void guest_sends(FuzzedDataProvider& input) {
    if (!endpoint_.may_take()) {
      return;
    }
    const bool wild = input.ConsumeIntegralInRange(0, 15) == 0;
    const std::string payload(
        input.ConsumeBool() ? input.ConsumeIntegralInRange<std::size_t>(0, ReceiveCredit::kBufferBytes) : 3,
        'g');
    // A client's port is the guest's to name too.
    const std::uint32_t base = input.ConsumeBool() ? Endpoint::kFirstPort : 0;
    const Header header{
        .source_cid = wild ? input.ConsumeIntegral<std::uint64_t>() : kGuestCid,
        .destination_cid = wild ? input.ConsumeIntegralInRange<std::uint64_t>(0, 3) : kHostCid,
        .source_port = input.ConsumeIntegralInRange<std::uint32_t>(0, kPorts),
        .destination_port = base + input.ConsumeIntegralInRange<std::uint32_t>(0, kPorts),
        .bytes = static_cast<std::uint32_t>(payload.size()),
        .type = wild ? input.ConsumeIntegral<std::uint16_t>() : std::uint16_t{1},
        .operation = input.ConsumeIntegralInRange<std::uint16_t>(wild ? 0 : 1, wild ? 9 : 7),
        .flags = input.ConsumeIntegralInRange<std::uint32_t>(0, 4),
        .buffer_bytes = input.ConsumeIntegral<std::uint16_t>(),
        .forwarded_bytes = input.ConsumeIntegral<std::uint16_t>()};
    endpoint_.take(header, std::as_bytes(std::span(payload)));
  }
  [[nodiscard]] bool receive(std::size_t bytes) {
    std::array<std::byte, 4096> room{};
    const auto header = endpoint_.next(std::span(room).first(bytes));
    if (header) {
      MAYFLY_ASSERT(header->source_cid == kHostCid && header->destination_cid == kGuestCid);
      MAYFLY_ASSERT(header->bytes <= bytes);
      MAYFLY_ASSERT(header->bytes == 0 || header->operation == 5);
    }
    return header.has_value();
  }
  static void change(FuzzedDataProvider& input, testing::FakeStreams::Client& client) {
    client.to_guest.append(input.ConsumeIntegral<std::uint8_t>(), 'c');
    client.takes = input.ConsumeIntegral<std::uint16_t>();
    client.sends_no_more = client.sends_no_more || input.ConsumeIntegralInRange(0, 7) == 0;
    client.takes_no_more = client.takes_no_more || input.ConsumeIntegralInRange(0, 7) == 0;
  }
  void client_moves(FuzzedDataProvider& input) {
    const auto slot = input.ConsumeIntegralInRange<Slot>(0, 7);
    if (streams_.is_there(slot)) {
      change(input, streams_.client(slot));
    }
    // Also of one that is gone: an event may be late.
    endpoint_.ready(slot, input.ConsumeIntegralInRange<Endpoint::Readiness>(0, 7));
  }
  void answer_later(FuzzedDataProvider& input) {
    const auto slot = input.ConsumeIntegralInRange<Slot>(0, 7);
    if (input.ConsumeBool()) {
      endpoint_.connected(slot);
    } else {
      endpoint_.refused(slot);
    }
  }
  void check() const {
    MAYFLY_ASSERT(endpoint_.counts().connections <= Endpoint::kConnectionsMax);
    MAYFLY_ASSERT(streams_.count() <= endpoint_.counts().connections);
  }

  testing::FakeStreams streams_;
  Endpoint endpoint_{streams_, kGuestCid};
  std::uint64_t now_ns_ = 0;
};

}  // namespace
}  // namespace mayfly::vsock

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static mayfly::vsock::Machine machine;
  FuzzedDataProvider input(data, size);
  machine.run(input);
  return 0;
}
