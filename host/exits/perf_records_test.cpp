// SPDX-License-Identifier: Apache-2.0
#include "exits/perf_records.hpp"

#include <gtest/gtest.h>

#include "exits/records_fixture.hpp"

namespace mayfly::exits {
namespace {

using Bytes = std::vector<std::byte>;

const Bytes kRaw{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};

// A ring of 64 bytes that has `records` from position `tail` on.
Bytes ring_with(const Bytes& records, std::uint64_t tail) {
  Bytes ring(64);
  for (std::size_t i = 0; i < records.size(); ++i) {
    ring[(tail + i) % ring.size()] = records[i];
  }
  return ring;
}

TEST(PerfRecords, SampleSaysWhoAndWhat) {
  const Bytes bytes = sample_record(12, 34, kRaw);
  const Record record = parse_record(bytes);
  const auto* const sample = std::get_if<Sample>(&record);
  ASSERT_NE(sample, nullptr);
  EXPECT_EQ(sample->process, 12U);
  EXPECT_EQ(sample->thread, 34U);
  EXPECT_EQ(Bytes(sample->raw.begin(), sample->raw.end()), kRaw);
}

TEST(PerfRecords, LostRecordsAreCounted) {
  const Bytes bytes = lost_record(5);
  const Record record = parse_record(bytes);
  ASSERT_TRUE(std::holds_alternative<Lost>(record));
  EXPECT_EQ(std::get<Lost>(record).records, 5U);
}

TEST(PerfRecords, ShortAndForeignRecordsAreIgnored) {
  for (const Bytes& whole : {sample_record(1, 2, kRaw), lost_record(5)}) {
    for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
      EXPECT_TRUE(std::holds_alternative<Ignored>(parse_record({whole.data(), bytes}))) << bytes;
    }
  }
  const Bytes other = record_header(PERF_RECORD_COMM, 8).bytes();
  EXPECT_TRUE(std::holds_alternative<Ignored>(parse_record(other)));
}

TEST(PerfRecords, CursorGoesThroughAllRecordsAndAroundTheEnd) {
  Bytes records = sample_record(1, 2, kRaw);
  const Bytes second = lost_record(9);
  records.insert(records.end(), second.begin(), second.end());
  for (std::uint64_t tail = 0; tail < 200; tail += 4) {
    const Bytes ring = ring_with(records, tail);
    RecordCursor cursor(ring, tail, tail + records.size());
    const auto sample = cursor.next();
    ASSERT_TRUE(sample.has_value());
    EXPECT_EQ(Bytes(sample->begin(), sample->end()), sample_record(1, 2, kRaw)) << tail;
    const auto lost = cursor.next();
    ASSERT_TRUE(lost.has_value());
    EXPECT_EQ(Bytes(lost->begin(), lost->end()), second) << tail;
    EXPECT_FALSE(cursor.next().has_value());
    EXPECT_FALSE(cursor.is_damaged());
  }
}

TEST(PerfRecords, PositionsMayWrapAroundTheirNumber) {
  const Bytes record = lost_record(9);
  const std::uint64_t tail = UINT64_MAX - 7;
  const Bytes ring = ring_with(record, tail);
  RecordCursor cursor(ring, tail, tail + record.size());
  EXPECT_TRUE(cursor.next().has_value());
  EXPECT_FALSE(cursor.next().has_value());
  EXPECT_FALSE(cursor.is_damaged());
}

TEST(PerfRecords, SizesThatCannotBeEndTheCursor) {
  for (const std::size_t bytes : {0U, 7U, 25U, 65535U}) {
    const Bytes ring = ring_with(record_header(PERF_RECORD_SAMPLE, bytes).bytes(), 0);
    RecordCursor cursor(ring, 0, 24);
    EXPECT_FALSE(cursor.next().has_value()) << bytes;
    EXPECT_TRUE(cursor.is_damaged()) << bytes;
  }
  const Bytes ring(64);
  RecordCursor cut(ring, 0, 5);
  EXPECT_FALSE(cut.next().has_value());
  EXPECT_TRUE(cut.is_damaged());
}

TEST(PerfRecords, MoreThanTheRingHoldsIsNotRead) {
  const Bytes ring(64);
  for (const std::uint64_t head : {std::uint64_t{65}, UINT64_MAX}) {
    RecordCursor cursor(ring, 0, head);
    EXPECT_FALSE(cursor.next().has_value());
    EXPECT_TRUE(cursor.is_damaged());
  }
}

TEST(PerfRecords, RecordThatIsTooLongIsSkipped) {
  Bytes ring(4096);
  const Bytes head = record_header(PERF_RECORD_SAMPLE, 2048).bytes();
  std::copy(head.begin(), head.end(), ring.begin());
  const Bytes lost = lost_record(3);
  std::copy(lost.begin(), lost.end(), ring.begin() + 2048);
  RecordCursor cursor(ring, 0, 2048 + lost.size());
  const auto record = cursor.next();
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(Bytes(record->begin(), record->end()), lost);
  EXPECT_TRUE(cursor.is_damaged());
}

}  // namespace
}  // namespace mayfly::exits
