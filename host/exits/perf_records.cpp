// SPDX-License-Identifier: Apache-2.0
#include "exits/perf_records.hpp"

#include <algorithm>
#include <cstring>

#include <linux/perf_event.h>

#include "base/error.hpp"

namespace mayfly::exits {
namespace {

/// What a sample has before its raw record, in the order of perf_event_open(2).
struct SampleHead {
  perf_event_header header;  ///< 0
  std::uint32_t process;     ///< 8: PERF_SAMPLE_TID
  std::uint32_t thread;      ///< 12
  std::uint32_t raw_bytes;   ///< 16: PERF_SAMPLE_RAW
};
static_assert(sizeof(perf_event_header) == 8 && sizeof(SampleHead) == 20);

struct LostRecord {
  perf_event_header header;  ///< 0
  std::uint64_t id;          ///< 8
  std::uint64_t lost;        ///< 16
};
static_assert(sizeof(LostRecord) == 24);

template <typename T>
std::optional<T> load_head(std::span<const std::byte> bytes) noexcept {
  T value{};
  if (bytes.size() < sizeof(value)) {
    return std::nullopt;
  }
  std::memcpy(&value, bytes.data(), sizeof(value));
  return value;
}

}  // namespace

Record parse_record(std::span<const std::byte> bytes) noexcept {
  const auto header = load_head<perf_event_header>(bytes);
  if (!header.has_value()) {
    return Ignored{};
  }
  if (header->type == PERF_RECORD_LOST) {
    const auto lost = load_head<LostRecord>(bytes);
    return lost.has_value() ? Record(Lost{lost->lost}) : Ignored{};
  }
  const auto sample = load_head<SampleHead>(bytes);
  if (header->type != PERF_RECORD_SAMPLE || !sample.has_value() ||
      sample->raw_bytes > bytes.size() - sizeof(SampleHead)) {
    return Ignored{};
  }
  return Sample{sample->process, sample->thread, bytes.subspan(sizeof(SampleHead), sample->raw_bytes)};
}

RecordCursor::RecordCursor(std::span<const std::byte> ring, std::uint64_t tail, std::uint64_t head) noexcept
    : ring_(ring), tail_(tail), head_(head) {
  MAYFLY_ASSERT(!ring.empty() && (ring.size() & (ring.size() - 1)) == 0);
  // More than fits was overwritten while it was read.
  if (head_ - tail_ > ring_.size()) {
    damaged_ = true;
    tail_ = head_;
  }
}

std::optional<std::span<const std::byte>> RecordCursor::next() noexcept {
  while (head_ != tail_) {
    perf_event_header header{};
    const std::uint64_t left = head_ - tail_;
    if (left >= sizeof(header)) {
      std::array<std::byte, sizeof(header)> bytes{};
      copy_out(tail_, bytes);
      std::memcpy(&header, bytes.data(), sizeof(header));
    }
    if (header.size < sizeof(header) || header.size > left) {
      damaged_ = true;
      tail_ = head_;
      break;
    }
    const std::uint64_t at = tail_;
    tail_ += header.size;
    if (header.size <= record_.size()) {
      const std::span<std::byte> record(record_.data(), header.size);
      copy_out(at, record);
      return record;
    }
    damaged_ = true;
  }
  return std::nullopt;
}

void RecordCursor::copy_out(std::uint64_t position, std::span<std::byte> out) const noexcept {
  const std::size_t at = position & (ring_.size() - 1);
  const std::size_t first = std::min(out.size(), ring_.size() - at);
  std::memcpy(out.data(), ring_.data() + at, first);
  std::memcpy(out.data() + first, ring_.data(), out.size() - first);
}

}  // namespace mayfly::exits
