// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <linux/perf_event.h>

#include "exits/trace_events.hpp"

namespace mayfly::exits {

/// Bytes as the kernel writes them, for tests.
class RecordBytes {
 public:
  template <typename T>
  RecordBytes& put(T value) {
    const auto* const bytes = reinterpret_cast<const std::byte*>(&value);  // Safe: a number's bytes.
    bytes_.insert(bytes_.end(), bytes, bytes + sizeof(value));
    return *this;
  }
  RecordBytes& put(const std::vector<std::byte>& more) {
    bytes_.insert(bytes_.end(), more.begin(), more.end());
    return *this;
  }
  [[nodiscard]] const std::vector<std::byte>& bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

inline RecordBytes record_header(std::uint32_t type, std::size_t bytes) {
  return RecordBytes().put(type).put(std::uint16_t{0}).put(static_cast<std::uint16_t>(bytes));
}

inline std::vector<std::byte> sample_record(std::uint32_t process, std::uint32_t thread,
                                            const std::vector<std::byte>& raw) {
  return record_header(PERF_RECORD_SAMPLE, 20 + raw.size())
      .put(process)
      .put(thread)
      .put(static_cast<std::uint32_t>(raw.size()))
      .put(raw)
      .bytes();
}

inline std::vector<std::byte> lost_record(std::uint64_t records) {
  return record_header(PERF_RECORD_LOST, 24).put(std::uint64_t{7}).put(records).bytes();
}

/// An event whose fields are of 8 bytes each, one after the other behind the common ones. Its number is 100
/// and more.
inline TraceEvent wide_event(EventKind kind) {
  return {kind, static_cast<std::uint16_t>(100 + static_cast<unsigned>(kind)), {{{8, 8}, {16, 8}, {24, 8}}}};
}

inline std::vector<TraceEvent> wide_events() {
  std::vector<TraceEvent> events;
  for (const EventShape& shape : kEventShapes) {
    events.push_back(wide_event(shape.kind));
  }
  return events;
}

/// What such an event's raw record is.
inline std::vector<std::byte> wide_raw(EventKind kind, std::uint64_t first, std::uint64_t second = 0,
                                       std::uint64_t third = 0) {
  return RecordBytes()
      .put(wide_event(kind).id)
      .put(std::uint16_t{0})
      .put(std::uint32_t{0})
      .put(first)
      .put(second)
      .put(third)
      .bytes();
}

}  // namespace mayfly::exits
