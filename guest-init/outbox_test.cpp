// SPDX-License-Identifier: Apache-2.0
#include "guest-init/outbox.hpp"

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mayfly::init {
namespace {

using protocol::FrameHeader;
using protocol::FrameType;
using protocol::Stream;

class OutboxTest : public testing::Test {
 protected:
  [[nodiscard]] FrameHeader first_header() const {
    FrameHeader header{};
    std::memcpy(&header, outbox_->pending().data(), sizeof(header));
    return header;
  }

  /// Adds a data frame of the largest size; false when there is no room.
  bool add_data(char fill) {
    const auto room = outbox_->begin_data();
    if (room.empty()) {
      return false;
    }
    std::memset(room.data(), fill, room.size());
    outbox_->end_data(Stream::kStdout, room.size());
    return true;
  }

  /// Sends the first frame; gives the first byte of its payload.
  char send_one() {
    const auto bytes = outbox_->pending();
    const char first = static_cast<char>(bytes[sizeof(FrameHeader)]);
    outbox_->sent(sizeof(FrameHeader) + first_header().payload_bytes);
    return first;
  }

  std::unique_ptr<Outbox> outbox_ = std::make_unique<Outbox>();
};

TEST_F(OutboxTest, FrameIsAHeaderAndItsPayload) {
  const std::uint32_t credit = 77;
  ASSERT_TRUE(outbox_->add(FrameType::kCredit, Stream::kStdin, std::as_bytes(std::span(&credit, 1))));
  EXPECT_EQ(first_header().type, FrameType::kCredit);
  EXPECT_EQ(first_header().payload_bytes, 4U);
  EXPECT_EQ(outbox_->pending().size(), 12U);
  EXPECT_EQ(std::memcmp(outbox_->pending().data() + 8, &credit, 4), 0);
}

TEST_F(OutboxTest, DataFrameIsAsLongAsItsBytes) {
  std::memcpy(outbox_->begin_data().data(), "abc", 3);
  outbox_->end_data(Stream::kStderr, 3);
  EXPECT_EQ(first_header().stream, Stream::kStderr);
  EXPECT_EQ(first_header().payload_bytes, 3U);
  EXPECT_EQ(outbox_->pending().size(), 11U);
}

TEST_F(OutboxTest, DataThatFindsNoRoomWaits) {
  EXPECT_TRUE(add_data('1'));
  EXPECT_TRUE(add_data('2'));
  EXPECT_FALSE(add_data('3'));
  EXPECT_EQ(send_one(), '1');
  EXPECT_TRUE(add_data('3'));
  EXPECT_EQ(send_one(), '2');
  EXPECT_EQ(send_one(), '3');
  EXPECT_TRUE(outbox_->pending().empty());
}

TEST_F(OutboxTest, ControlFramesFindRoomBesideDataUpToABound) {
  while (add_data('x')) {
  }
  std::size_t added = 0;
  while (outbox_->add(FrameType::kClose, Stream::kStdin, {})) {
    ++added;
  }
  EXPECT_GE(added, 4U);
  EXPECT_LT(added, 1000U);
}

TEST_F(OutboxTest, DataLeavesRoomForControlFramesWhateverItsSize) {
  outbox_->end_data(Stream::kStderr, 700);
  while (add_data('x')) {
  }
  EXPECT_TRUE(outbox_->add(FrameType::kClose, Stream::kStdin, {}));
}

TEST_F(OutboxTest, ExitFrameAlwaysFindsRoomAndItsMessageIsCut) {
  while (add_data('x')) {
  }
  while (outbox_->add(FrameType::kClose, Stream::kStdin, {})) {
  }
  const std::size_t before = outbox_->pending().size();
  outbox_->add_exit({protocol::ExitKind::kSetupFailed, 5}, std::string(2000, 'm'));
  EXPECT_EQ(outbox_->pending().size() - before, 8U + 8U + protocol::kMessageBytesMax);
}

}  // namespace
}  // namespace mayfly::init
