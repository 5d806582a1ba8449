// SPDX-License-Identifier: Apache-2.0
// A ring of perf events with any bytes in it, read from any position to any other. The first 8 bytes say from
// where and how far, the rest is the ring.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/error.hpp"
#include "exits/records_fixture.hpp"
#include "exits/tally.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mayfly::exits;
  constexpr std::size_t kRingBytes = 4096;
  std::uint32_t tail = 0;
  std::uint32_t bytes = 0;
  if (size < sizeof(tail) + sizeof(bytes)) {
    return 0;
  }
  std::memcpy(&tail, data, sizeof(tail));
  std::memcpy(&bytes, data + sizeof(tail), sizeof(bytes));
  data += sizeof(tail) + sizeof(bytes);
  size -= sizeof(tail) + sizeof(bytes);
  std::vector<std::byte> ring(kRingBytes);
  std::memcpy(ring.data(), data, std::min(size, ring.size()));

  const std::vector<TraceEvent> events = wide_events();
  Tally tally;
  RecordCursor cursor(ring, tail, std::uint64_t{tail} + bytes);
  std::size_t read = 0;
  while (const auto record = cursor.next()) {
    read += record->size();
    const Record parsed = parse_record(*record);
    if (const auto* sample = std::get_if<Sample>(&parsed)) {
      MAYFLY_ASSERT(sample->raw.size() <= record->size());
      tally.add(*sample, events);
    }
  }
  MAYFLY_ASSERT(read <= bytes && read <= kRingBytes);
  std::uint64_t exits = 0;
  for (const auto& [key, count] : tally.counts(Group::kReason)) {
    exits += count;
  }
  MAYFLY_ASSERT(exits == tally.exits());
  return 0;
}
