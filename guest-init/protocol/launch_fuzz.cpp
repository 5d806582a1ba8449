// SPDX-License-Identifier: Apache-2.0
/// LaunchRequest::parse takes any bytes; what it accepts, LaunchWriter writes again byte for byte.
#include <cstdlib>
#include <vector>

#include "guest-init/protocol/launch.hpp"

namespace {

using namespace mayfly::protocol;  // NOLINT(google-build-using-namespace): a fuzzer of this one namespace

std::vector<std::byte> rewritten(const LaunchRequest& request) {
  std::vector<std::byte> bytes;
  LaunchWriter writer(bytes);
  request.for_each([&](const LaunchRecord& record) { writer.add(record.field, record.value); });
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  LaunchFault fault{};
  const auto request = LaunchRequest::parse(bytes, fault);
  if (!request) {
    return describe(fault).empty() ? std::abort(), 0 : 0;
  }
  const auto again = rewritten(*request);
  if (!std::equal(again.begin(), again.end(), bytes.begin(), bytes.end())) {
    std::abort();
  }
  if (request->terminal().has_value() != request->find(LaunchField::kTerminal).has_value()) {
    std::abort();
  }
  return 0;
}
