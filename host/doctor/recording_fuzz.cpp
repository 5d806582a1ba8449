// SPDX-License-Identifier: Apache-2.0
// A recording that somebody sent: refused in a sentence, or judged whatever it says.
#include <cstdint>
#include <string_view>

#include "base/error.hpp"
#include "doctor/advise.hpp"
#include "doctor/dedicated.hpp"

namespace {

void judge(std::string_view json) {
  using namespace mayfly::doctor;
  const Recording recording = parse_recording("host", json);
  const Capabilities host = read_capabilities(recording);
  const auto findings = advise(host);
  MAYFLY_ASSERT(!to_text(findings).empty() && !to_json(findings).empty());
  // What was written is read again, and says the same.
  MAYFLY_ASSERT(to_json(parse_recording("again", to_json(recording))) == to_json(recording));
  for (const std::uint32_t vcpus : {1U, 64U}) {
    const auto chosen = choose_dedicated(host.isolation, vcpus, std::nullopt);
    MAYFLY_ASSERT(!chosen.has_value() || chosen->size() >= vcpus);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    judge({reinterpret_cast<const char*>(data), size});  // Safe: bytes as characters.
  } catch (const mayfly::Error&) {
    // refused
  }
  return 0;
}
