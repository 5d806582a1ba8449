// SPDX-License-Identifier: Apache-2.0
/// FrameReader takes any bytes in pieces of any size, and gives the same frames however they are cut.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "guest-init/frame_reader.hpp"

namespace {

using mayfly::init::FrameReader;

/// Feeds the bytes in pieces of `piece`; gives all that came out, as one string of bytes.
std::vector<std::byte> read_all(std::span<const std::byte> bytes, std::size_t piece) {
  const auto reader = std::make_unique<FrameReader>();
  std::vector<std::byte> out;
  while (!bytes.empty() && reader->fault().empty()) {
    const auto space = reader->space();
    if (space.empty()) {
      std::abort();
    }
    const std::size_t count = std::min({piece, bytes.size(), space.size()});
    std::memcpy(space.data(), bytes.data(), count);
    reader->filled(count);
    bytes = bytes.subspan(count);
    for (auto frame = reader->next(); frame; frame = reader->next()) {
      out.push_back(static_cast<std::byte>(frame->type));
      out.push_back(static_cast<std::byte>(frame->stream));
      out.insert(out.end(), frame->payload.begin(), frame->payload.end());
    }
  }
  out.push_back(reader->fault().empty() ? std::byte{0} : std::byte{1});
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) {
    return 0;
  }
  const auto bytes = std::as_bytes(std::span(data + 1, size - 1));
  if (read_all(bytes, data[0] + 1U) != read_all(bytes, bytes.size() + 1)) {
    std::abort();
  }
  return 0;
}
