// SPDX-License-Identifier: Apache-2.0
#include "guest-init/frame_reader.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mayfly::init {
namespace {

using protocol::FrameType;
using protocol::Stream;
using Bytes = std::vector<std::byte>;

Bytes frame(FrameType type, Stream stream, std::string_view payload = {}, std::uint16_t zero = 0) {
  const protocol::FrameHeader header{.type = type,
                                     .stream = stream,
                                     .zero = zero,
                                     .payload_bytes = static_cast<std::uint32_t>(payload.size())};
  Bytes bytes(sizeof(header) + payload.size());
  std::memcpy(bytes.data(), &header, sizeof(header));
  std::copy_n(std::as_bytes(std::span(payload)).data(), payload.size(), bytes.data() + sizeof(header));
  return bytes;
}

void feed(FrameReader& reader, std::span<const std::byte> bytes) {
  ASSERT_LE(bytes.size(), reader.space().size());
  std::copy(bytes.begin(), bytes.end(), reader.space().begin());
  reader.filled(bytes.size());
}

/// What the reader says of one frame: empty when it takes it.
std::string fault_of(const Bytes& bytes) {
  FrameReader reader;
  feed(reader, bytes);
  const bool taken = reader.next().has_value();
  EXPECT_EQ(taken, reader.fault().empty());
  return std::string(reader.fault());
}

TEST(FrameReader, GivesFramesThatArriveByteByByte) {
  FrameReader reader;
  Bytes bytes = frame(FrameType::kData, Stream::kStdin, "hello");
  const Bytes second = frame(FrameType::kSignal, Stream::kStdin, {"\x0f\0\0\0", 4});
  bytes.insert(bytes.end(), second.begin(), second.end());
  std::vector<FrameType> types;
  for (const std::byte byte : bytes) {
    feed(reader, {&byte, 1});
    if (const auto next = reader.next(); next) {
      types.push_back(next->type);
      if (next->type == FrameType::kSignal) {
        EXPECT_EQ(next->number(), 15U);
      } else {
        EXPECT_EQ(std::memcmp(next->payload.data(), "hello", 5), 0);
      }
    }
  }
  EXPECT_EQ(types, (std::vector{FrameType::kData, FrameType::kSignal}));
  EXPECT_EQ(reader.fault(), "");
}

TEST(FrameReader, TakesTheLargestDataFrameAndRefusesOneByteMore) {
  EXPECT_EQ(fault_of(frame(FrameType::kData, Stream::kStdin, std::string(protocol::kDataBytesMax, 'x'))), "");
  Bytes larger = frame(FrameType::kData, Stream::kStdin, std::string(protocol::kDataBytesMax + 1, 'x'));
  larger.resize(sizeof(protocol::FrameHeader));
  EXPECT_EQ(fault_of(larger), "frame has a wrong length");
}

TEST(FrameReader, AlwaysHasRoomForTheRestOfAFrame) {
  FrameReader reader;
  const Bytes largest = frame(FrameType::kData, Stream::kStdin, std::string(protocol::kDataBytesMax, 'x'));
  feed(reader, frame(FrameType::kClose, Stream::kStdout));
  feed(reader, std::span(largest).first(1000));
  ASSERT_TRUE(reader.next().has_value());
  ASSERT_FALSE(reader.next().has_value());
  feed(reader, std::span(largest).subspan(1000));
  EXPECT_TRUE(reader.next().has_value());
}

TEST(FrameReader, TakesEachFrameOfTheHost) {
  const std::string_view number("\x01\0\0\0", 4);
  EXPECT_EQ(fault_of(frame(FrameType::kClose, Stream::kStdin)), "");
  EXPECT_EQ(fault_of(frame(FrameType::kClose, Stream::kStderr)), "");
  EXPECT_EQ(fault_of(frame(FrameType::kCredit, Stream::kStdout, number)), "");
  EXPECT_EQ(fault_of(frame(FrameType::kWindowSize, Stream{0}, number)), "");
  EXPECT_EQ(fault_of(frame(FrameType::kSignal, Stream{0}, {"\x40\0\0\0", 4})), "");
}

TEST(FrameReader, RefusesTypesThatTheHostMayNotSend) {
  EXPECT_EQ(fault_of(frame(FrameType{0}, Stream{0})), "frame of unknown type");
  EXPECT_EQ(fault_of(frame(FrameType{8}, Stream{0})), "frame of unknown type");
  EXPECT_EQ(fault_of(frame(FrameType::kExit, Stream{0}, "12345678")), "frame of unknown type");
  EXPECT_EQ(fault_of(frame(FrameType::kLaunch, Stream{0}, "12345678")), "second launch request");
}

TEST(FrameReader, RefusesStreamsThatTheFrameCannotHave) {
  const std::string fault = "frame names a stream that it cannot have";
  EXPECT_EQ(fault_of(frame(FrameType::kData, Stream::kStdout, "x")), fault);
  EXPECT_EQ(fault_of(frame(FrameType::kClose, Stream{3})), fault);
  EXPECT_EQ(fault_of(frame(FrameType::kCredit, Stream::kStdin, "1234")), fault);
  EXPECT_EQ(fault_of(frame(FrameType::kSignal, Stream::kStdout, "1234")), fault);
}

TEST(FrameReader, RefusesWrongLengths) {
  const std::string fault = "frame has a wrong length";
  EXPECT_EQ(fault_of(frame(FrameType::kData, Stream::kStdin)), fault);
  EXPECT_EQ(fault_of(frame(FrameType::kClose, Stream::kStdin, "x")), fault);
  EXPECT_EQ(fault_of(frame(FrameType::kCredit, Stream::kStdout, "123")), fault);
  EXPECT_EQ(fault_of(frame(FrameType::kSignal, Stream{0}, "12345")), fault);
  EXPECT_EQ(fault_of(frame(FrameType::kWindowSize, Stream{0})), fault);
}

TEST(FrameReader, RefusesReservedBitsAndNumbersOfNoSignal) {
  EXPECT_EQ(fault_of(frame(FrameType::kClose, Stream::kStdin, {}, 1)),
            "frame has a reserved field that is not zero");
  EXPECT_EQ(fault_of(frame(FrameType::kSignal, Stream{0}, {"\0\0\0\0", 4})), "frame names no signal");
  EXPECT_EQ(fault_of(frame(FrameType::kSignal, Stream{0}, {"\x41\0\0\0", 4})), "frame names no signal");
}

TEST(FrameReader, GivesNothingAfterAFault) {
  for (const Bytes& faulty :
       {frame(FrameType{9}, Stream{0}), frame(FrameType::kSignal, Stream{0}, {"\0\0\0\0", 4})}) {
    FrameReader reader;
    feed(reader, faulty);
    EXPECT_FALSE(reader.next().has_value());
    feed(reader, frame(FrameType::kClose, Stream::kStdin));
    EXPECT_FALSE(reader.next().has_value());
    EXPECT_FALSE(reader.fault().empty());
  }
}

}  // namespace
}  // namespace mayfly::init
