// SPDX-License-Identifier: Apache-2.0
// What a hostile client may send a VM's control socket, cut anywhere, and a VM a client.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "control/control_fixture.hpp"
#include "control/conversation.hpp"

namespace {

using namespace mayfly::control;

/// Half of what is to be sent goes at a time, at least a byte.
void send_some(Conversation& talk) {
  while (!talk.unsent().empty()) {
    const std::string_view rest = talk.unsent();
    if (rest.ends_with('\n') && rest.find('\n') == rest.size() - 1 && rest.starts_with('{')) {
      MAYFLY_ASSERT(parse_response(rest).has_value());
    }
    talk.sent(std::max<std::size_t>(1, rest.size() / 2));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) {
    return 0;
  }
  // Safe: bytes as characters.
  std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t piece = std::size_t{data[0]} + 1;
  if (const auto response = parse_response(text); response && response->status) {
    MAYFLY_ASSERT(parse_response(to_line(*response)).has_value());
  }
  mayfly::control::testing::FakeVm vm;
  vm.refuses = (data[1] & 1U) != 0;
  Conversation talk(vm, (data[1] & 2U) != 0 ? Trust::kStranger : Trust::kOurs);
  while (!text.empty() && talk.room() > 0) {
    const std::size_t takes = std::min({piece, talk.room(), text.size()});
    talk.take(text.substr(0, takes));
    text.remove_prefix(takes);
    send_some(talk);
    if (talk.waits() && (data[1] & 4U) != 0) {
      talk.refuse_wait();
      send_some(talk);
    }
  }
  talk.end_input();
  talk.end(data[1]);
  send_some(talk);
  MAYFLY_ASSERT(talk.is_over());
  MAYFLY_ASSERT((data[1] & 2U) == 0 || vm.asked.empty());
  return 0;
}
