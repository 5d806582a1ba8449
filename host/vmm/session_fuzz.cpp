// SPDX-License-Identifier: Apache-2.0
// What a hostile guest may say on its channel, in parts of any size, with the host's answers taken in
// between.
#include <cstdint>
#include <vector>

#include <fcntl.h>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "vmm/session.hpp"

namespace {

using mayfly::vmm::FrameFault;
using mayfly::vmm::FrameReader;
using mayfly::vmm::Session;

using Bytes = std::span<const std::byte>;

// Everything that the reader saw in one order-preserving digest, with data cut into single bytes.
std::uint64_t digest(Bytes bytes, std::size_t step) {
  FrameReader reader;
  std::uint64_t seen = 1;
  const auto mix = [&](std::uint64_t value) { seen = (seen ^ value) * 0x100000001b3U; };
  while (!bytes.empty()) {
    Bytes part = bytes.first(std::min(step, bytes.size()));
    bytes = bytes.subspan(part.size());
    while (true) {
      const auto piece = reader.next(part);
      if (!piece.has_value()) {
        mix(static_cast<std::uint64_t>(piece.error()) + 1000);
        return seen;
      }
      if (!piece->has_value()) {
        MAYFLY_ASSERT(part.empty());
        break;
      }
      const bool data = (*piece)->type == mayfly::protocol::FrameType::kData;
      const auto what =
          static_cast<std::uint64_t>((*piece)->type) << 8U | static_cast<std::uint64_t>((*piece)->stream);
      if (!data) {
        mix(what);
      }
      for (const std::byte byte : (*piece)->payload) {
        mix(data ? what << 8U | static_cast<std::uint64_t>(byte) : static_cast<std::uint64_t>(byte));
      }
    }
  }
  return seen;
}

void drive_session(Bytes bytes, std::size_t step) {
  static const mayfly::Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  Session session(std::vector<std::byte>(20), {null.get(), null.get(), null.get()}, [] {});
  std::vector<std::byte> buffer(step);
  while (!bytes.empty()) {
    const Bytes part = bytes.first(std::min(step, bytes.size()));
    bytes = bytes.subspan(part.size());
    session.from_guest(part);
    MAYFLY_ASSERT(session.to_guest(buffer) <= buffer.size());
  }
  static_cast<void>(session.outcome());
  session.end_output();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) {
    return 0;
  }
  const std::size_t step = data[0] + 1U;
  const Bytes bytes = std::as_bytes(std::span(data, size)).subspan(1);
  MAYFLY_ASSERT(digest(bytes, bytes.size() + 1) == digest(bytes, step));
  drive_session(bytes, step);
  return 0;
}
