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

class Run {
 public:
  explicit Run(FuzzedDataProvider& input) : input_(input) {}

  void run() {
    while (input_.remaining_bytes() > 0) {
      step();
      check();
    }
    // A guest that takes all, and time enough, leave nothing behind of what has ended.
    while (receive(4096)) {
    }
    endpoint_.set_time(now_ns_ += Endpoint::kLingerNs);
    endpoint_.expire();
    endpoint_.reset();
    MAYFLY_ASSERT(streams_.count() == 0 && endpoint_.counts().connections == 0);
    MAYFLY_ASSERT(!endpoint_.has_news() && endpoint_.deadline_ns() == Endpoint::kNever);
  }

 private:
  void step() {
    switch (input_.ConsumeIntegralInRange(0, 9)) {
      case 0:
      case 1:
      case 2:
        guest_sends();
        break;
      case 3:
        (void)receive(input_.ConsumeIntegralInRange<std::size_t>(1, 100));
        break;
      case 4:
        if (const auto slot = endpoint_.ask(input_.ConsumeIntegralInRange<std::uint32_t>(0, kPorts))) {
          change(streams_.client(*slot));
        }
        break;
      case 5:
      case 6:
        client_moves();
        break;
      case 7:
        streams_.answer = static_cast<Streams::Connect>(input_.ConsumeIntegralInRange(0, 2));
        break;
      case 8:
        endpoint_.set_time(now_ns_ += input_.ConsumeIntegral<std::uint32_t>() * std::uint64_t{16});
        endpoint_.expire();
        break;
      default:
        if (input_.ConsumeIntegralInRange(0, 15) == 0) {
          endpoint_.reset();
        } else {
          answer_later();
        }
        break;
    }
  }
  void guest_sends() {
    if (!endpoint_.may_take()) {
      return;
    }
    const bool wild = input_.ConsumeIntegralInRange(0, 15) == 0;
    const std::string payload(
        input_.ConsumeBool() ? input_.ConsumeIntegralInRange<std::size_t>(0, ReceiveCredit::kBufferBytes) : 3,
        'g');
    // A client's port is the guest's to name too.
    const std::uint32_t base = input_.ConsumeBool() ? Endpoint::kFirstPort : 0;
    const Header header{
        .source_cid = wild ? input_.ConsumeIntegral<std::uint64_t>() : kGuestCid,
        .destination_cid = wild ? input_.ConsumeIntegralInRange<std::uint64_t>(0, 3) : kHostCid,
        .source_port = input_.ConsumeIntegralInRange<std::uint32_t>(0, kPorts),
        .destination_port = base + input_.ConsumeIntegralInRange<std::uint32_t>(0, kPorts),
        .bytes = static_cast<std::uint32_t>(payload.size()),
        .type = wild ? input_.ConsumeIntegral<std::uint16_t>() : std::uint16_t{1},
        .operation = input_.ConsumeIntegralInRange<std::uint16_t>(wild ? 0 : 1, wild ? 9 : 7),
        .flags = input_.ConsumeIntegralInRange<std::uint32_t>(0, 4),
        .buffer_bytes = input_.ConsumeIntegral<std::uint16_t>(),
        .forwarded_bytes = input_.ConsumeIntegral<std::uint16_t>()};
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
  void change(testing::FakeStreams::Client& client) {
    client.to_guest.append(input_.ConsumeIntegral<std::uint8_t>(), 'c');
    client.takes = input_.ConsumeIntegral<std::uint16_t>();
    client.sends_no_more = client.sends_no_more || input_.ConsumeIntegralInRange(0, 7) == 0;
    client.takes_no_more = client.takes_no_more || input_.ConsumeIntegralInRange(0, 7) == 0;
  }
  void client_moves() {
    const auto slot = input_.ConsumeIntegralInRange<Slot>(0, 7);
    if (streams_.is_there(slot)) {
      change(streams_.client(slot));
    }
    // Also of one that is gone: an event may be late.
    endpoint_.ready(slot, input_.ConsumeIntegralInRange<Endpoint::Readiness>(0, 7));
  }
  void answer_later() {
    const auto slot = input_.ConsumeIntegralInRange<Slot>(0, 7);
    if (input_.ConsumeBool()) {
      endpoint_.connected(slot);
    } else {
      endpoint_.refused(slot);
    }
  }
  void check() const {
    MAYFLY_ASSERT(endpoint_.counts().connections <= Endpoint::kConnectionsMax);
    MAYFLY_ASSERT(streams_.count() <= endpoint_.counts().connections);
  }

  FuzzedDataProvider& input_;
  testing::FakeStreams streams_;
  Endpoint endpoint_{streams_, kGuestCid};
  std::uint64_t now_ns_ = 0;
};

}  // namespace
}  // namespace mayfly::vsock

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider input(data, size);
  mayfly::vsock::Run(input).run();
  return 0;
}
