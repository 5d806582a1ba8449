// SPDX-License-Identifier: Apache-2.0
/// A command's request behind that of the workload: whatever both are, each string lies in the bytes of one
/// of them, the lists end, the command's own variables stay first, and none of the workload's is missing.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

#include "guest-init/request.hpp"

namespace {

using namespace mayfly::init;  // NOLINT(google-build-using-namespace): a fuzzer of this one namespace

void require(bool is_so) {
  if (!is_so) {
    std::abort();
  }
}

bool lies_in(const char* text, const RequestStorage& storage) {
  const auto* const byte = reinterpret_cast<const std::byte*>(text);
  return byte >= storage.bytes.data() && byte < storage.bytes.data() + storage.bytes.size();
}

bool index(std::span<const std::byte> bytes, RequestStorage& storage, Request& request) {
  if (bytes.size() > mayfly::protocol::kLaunchBytesMax) {
    return false;
  }
  std::copy(bytes.begin(), bytes.end(), storage.bytes.begin());
  return !index_request(storage, bytes.size(), request);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto first_storage = std::make_unique<RequestStorage>();
  static const auto storage = std::make_unique<RequestStorage>();
  std::uint16_t first_bytes = 0;
  if (size < sizeof(first_bytes)) {
    return 0;
  }
  std::memcpy(&first_bytes, data, sizeof(first_bytes));
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(sizeof(first_bytes));
  const std::size_t cut = std::min<std::size_t>(first_bytes, bytes.size());
  Request first;
  Request request;
  if (!index(bytes.first(cut), *first_storage, first) || !index(bytes.subspan(cut), *storage, request)) {
    return 0;
  }
  const std::size_t own = request.environment_size;
  require(!inherit(first, *storage, request));
  require(request.environment[request.environment_size] == nullptr);
  for (std::size_t i = 0; i < request.environment_size; ++i) {
    require(lies_in(request.environment[i], i < own ? *storage : *first_storage));
  }
  for (std::size_t i = 0; i < first.environment_size; ++i) {
    const std::string_view variable(first.environment[i]);
    require(request.variable(variable.substr(0, variable.find('='))) != nullptr);
  }
  require(request.workdir == nullptr || lies_in(request.workdir, *storage) ||
          request.workdir == first.workdir);
  return 0;
}
