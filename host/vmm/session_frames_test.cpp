// SPDX-License-Identifier: Apache-2.0
#include "vmm/session_frames.hpp"

#include <gtest/gtest.h>

#include "vmm/session_fake_guest.hpp"

namespace mayfly::vmm {
namespace {

using protocol::ExitKind;
using protocol::FrameType;
using protocol::Stream;
using testing::exit_frame;
using testing::frame;

using Bytes = std::vector<std::byte>;

// All that a reader makes of `bytes` given in parts of `step`: the frames, the pieces of data put together.
struct Read {
  std::vector<std::pair<FrameType, Stream>> frames;
  std::string payload;
  std::optional<FrameFault> fault;
};

Read read_all(const Bytes& bytes, std::size_t step) {
  Read read;
  FrameReader reader;
  std::span<const std::byte> rest(bytes);
  while (!rest.empty() && !read.fault.has_value()) {
    std::span<const std::byte> part = rest.first(std::min(step, rest.size()));
    rest = rest.subspan(part.size());
    while (true) {
      const auto piece = reader.next(part);
      if (!piece.has_value()) {
        read.fault = piece.error();
        break;
      }
      if (!piece->has_value()) {
        break;
      }
      read.frames.emplace_back((*piece)->type, (*piece)->stream);
      for (const std::byte byte : (*piece)->payload) {
        read.payload.push_back(static_cast<char>(byte));
      }
    }
  }
  return read;
}

std::optional<FrameFault> fault_of(const Bytes& bytes) { return read_all(bytes, bytes.size()).fault; }

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

TEST(FrameReader, FramesComeOutInOrder) {
  const Bytes bytes = frame(FrameType::kData, Stream::kStdout, "out") +
                      frame(FrameType::kData, Stream::kStderr, "err") +
                      frame(FrameType::kClose, Stream::kStdout) + testing::credit_frame(Stream::kStdin, 7) +
                      exit_frame(ExitKind::kExecFailed, 2, "sh");
  const Read read = read_all(bytes, bytes.size());
  const std::vector<std::pair<FrameType, Stream>> expected{{FrameType::kData, Stream::kStdout},
                                                           {FrameType::kData, Stream::kStderr},
                                                           {FrameType::kClose, Stream::kStdout},
                                                           {FrameType::kCredit, Stream::kStdin},
                                                           {FrameType::kExit, Stream::kStdin}};
  EXPECT_EQ(read.frames, expected);
  EXPECT_EQ(read.payload, std::string("outerr\7\0\0\0\2\0\0\0\2\0\0\0sh", 20));
}

TEST(FrameReader, SplitMakesNoDifference) {
  const Bytes bytes = frame(FrameType::kData, Stream::kStdout, "some output") +
                      frame(FrameType::kClose, Stream::kStderr) + testing::credit_frame(Stream::kStdin, 1) +
                      exit_frame(ExitKind::kExited, 3, "message");
  const Read whole = read_all(bytes, bytes.size());
  for (std::size_t step = 1; step < bytes.size(); ++step) {
    const Read split = read_all(bytes, step);
    EXPECT_EQ(split.payload, whole.payload) << step;
    EXPECT_FALSE(split.fault.has_value()) << step;
  }
}

TEST(FrameReader, DataComesAsItArrives) {
  const Bytes bytes = frame(FrameType::kData, Stream::kStdout, "abcdef");
  EXPECT_EQ(read_all(bytes, 10).frames.size(), 2U);
}

TEST(FrameReader, TypesOfTheHostAreRefused) {
  for (const FrameType type : {FrameType{0}, FrameType::kLaunch, FrameType::kSignal, FrameType::kWindowSize,
                               FrameType{8}, FrameType{255}}) {
    EXPECT_EQ(fault_of(frame(type)), FrameFault::kBadType) << static_cast<int>(type);
  }
}

TEST(FrameReader, StreamMustFitTheType) {
  EXPECT_EQ(fault_of(frame(FrameType::kData, Stream::kStdin, "x")), FrameFault::kBadStream);
  EXPECT_EQ(fault_of(frame(FrameType::kData, Stream{3}, "x")), FrameFault::kBadStream);
  EXPECT_EQ(fault_of(frame(FrameType::kClose, Stream{3})), FrameFault::kBadStream);
  EXPECT_EQ(fault_of(testing::credit_frame(Stream::kStdout, 1)), FrameFault::kBadStream);
  EXPECT_EQ(fault_of(frame(FrameType::kExit, Stream::kStdout, "12345678")), FrameFault::kBadStream);
}

TEST(FrameReader, ReservedFieldMustBeZero) {
  Bytes bytes = frame(FrameType::kClose, Stream::kStdout);
  bytes[2] = std::byte{1};
  EXPECT_EQ(fault_of(bytes), FrameFault::kReservedNotZero);
}

TEST(FrameReader, LengthMustFitTheType) {
  const std::string most(protocol::kDataBytesMax, 'x');
  EXPECT_EQ(fault_of(frame(FrameType::kData, Stream::kStdout, most)), std::nullopt);
  EXPECT_EQ(fault_of(frame(FrameType::kData, Stream::kStdout, most + "x")), FrameFault::kBadLength);
  EXPECT_EQ(fault_of(frame(FrameType::kData, Stream::kStdout, "")), FrameFault::kBadLength);
  EXPECT_EQ(fault_of(frame(FrameType::kClose, Stream::kStdout, "x")), FrameFault::kBadLength);
  EXPECT_EQ(fault_of(frame(FrameType::kCredit, Stream::kStdin, "123")), FrameFault::kBadLength);
  EXPECT_EQ(fault_of(frame(FrameType::kCredit, Stream::kStdin, "12345")), FrameFault::kBadLength);
  EXPECT_EQ(fault_of(frame(FrameType::kExit, {}, "1234567")), FrameFault::kBadLength);
  const std::string message(protocol::kMessageBytesMax, 'm');
  EXPECT_EQ(fault_of(exit_frame(ExitKind::kExited, 0, message)), std::nullopt);
  EXPECT_EQ(fault_of(exit_frame(ExitKind::kExited, 0, message + "m")), FrameFault::kBadLength);
}

TEST(FrameReader, HeaderIsRefusedBeforeItsPayloadComes) {
  Bytes bytes = frame(FrameType::kData, Stream::kStdout, std::string(protocol::kDataBytesMax + 1, 'x'));
  bytes.resize(sizeof(protocol::FrameHeader));
  EXPECT_EQ(fault_of(bytes), FrameFault::kBadLength);
}

}  // namespace
}  // namespace mayfly::vmm
