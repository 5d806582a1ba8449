// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <variant>

#include <linux/perf_event.h>

namespace mayfly::exits {

/// PERF_RECORD_SAMPLE of an event with kSampleType: who was running, and the trace event's raw record.
struct Sample {
  std::uint32_t process;
  std::uint32_t thread;
  std::span<const std::byte> raw;
};
/// PERF_RECORD_LOST: there was no room for so many.
struct Lost {
  std::uint64_t records;
};
/// Of no interest here, or no record that one can read.
struct Ignored {};
using Record = std::variant<Sample, Lost, Ignored>;

/// What samples consist of.
inline constexpr std::uint64_t kSampleType = PERF_SAMPLE_TID | PERF_SAMPLE_RAW;

/// Takes a whole record apart; `bytes` includes its header. Source: perf_event_open(2), "MMAP layout".
[[nodiscard]] Record parse_record(std::span<const std::byte> bytes) noexcept;

/// Goes through the records between `tail` and `head` of a ring, whose size is a power of two. Both only
/// grow; positions are taken modulo that size.
class RecordCursor {
 public:
  RecordCursor(std::span<const std::byte> ring, std::uint64_t tail, std::uint64_t head) noexcept;

  /// The next record, whole, good until the next call; nothing at the end. What follows a header that cannot
  /// be is skipped, up to the end, and is_damaged() from then on.
  [[nodiscard]] std::optional<std::span<const std::byte>> next() noexcept;
  [[nodiscard]] bool is_damaged() const noexcept { return damaged_; }

 private:
  void copy_out(std::uint64_t position, std::span<std::byte> out) const noexcept;

  // Those of KVM's events have some hundred bytes.
  static constexpr std::size_t kRecordBytesMax = 1024;

  std::span<const std::byte> ring_;
  std::uint64_t tail_;
  std::uint64_t head_;
  bool damaged_ = false;
  std::array<std::byte, kRecordBytesMax> record_{};
};

}  // namespace mayfly::exits
