// SPDX-License-Identifier: Apache-2.0
// The whole of stdio at once, with a reader that stalls: nothing is lost, mixed up or buffered without bound.
#include <array>
#include <latch>
#include <thread>

#include <gtest/gtest.h>

#include "vmm/session.hpp"
#include "vmm/session_fake_guest.hpp"
#include "vmm/stdio_pipe.hpp"

namespace mayfly::vmm {
namespace {

using protocol::FrameType;
using protocol::kDataBytesMax;
using protocol::kInitialCredit;
using protocol::Stream;
using testing::frame;
using testing::HostFrame;

constexpr std::size_t kStreamBytes = 100'000'000;
constexpr std::size_t kPipeBytes = 64U << 10U;

// The byte at `position` of a stream: no two streams, and no two near positions of one, look alike.
std::byte expected_byte(Stream stream, std::size_t position) noexcept {
  const std::uint64_t mixed = (position + (static_cast<std::uint64_t>(stream) << 40U)) * 0x9e3779b97f4a7c15U;
  return static_cast<std::byte>(mixed >> 56U);
}

// How many of `bytes`, which begin at `position`, are right.
std::size_t count_right(Stream stream, std::size_t position, std::span<const std::byte> bytes) noexcept {
  std::size_t right = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    right += bytes[i] == expected_byte(stream, position + i) ? 1U : 0U;
  }
  return right;
}

void fill(Stream stream, std::size_t position, std::span<std::byte> bytes) noexcept {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = expected_byte(stream, position + i);
  }
}

// mayfly-init with a workload that reads and writes as fast as it may.
class BusyGuest {
 public:
  BusyGuest() {
    guest_.drop_frames();
    guest_.set_buffer_bytes(kDataBytesMax);
    guest_.on_frame([this](const HostFrame& one) { take(one); });
  }
  testing::FakeGuest& port() { return guest_; }

  // Writes all of a stream as credit allows.
  void produce(Stream stream) {
    std::vector<std::byte> data(kDataBytesMax);
    for (std::size_t done = 0; done < kStreamBytes;) {
      const std::size_t count = std::min({take_credit(stream), kStreamBytes - done});
      fill(stream, done, std::span(data).first(count));
      guest_.send(frame(FrameType::kData, stream, std::span(data).first(count)));
      done += count;
      sent_[static_cast<std::size_t>(stream)] = done;
    }
    guest_.send(frame(FrameType::kClose, stream));
  }

  // Reads stdin to its end, returning credit.
  void consume() {
    while (true) {
      std::uint32_t bytes = 0;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return to_return_ != 0 || input_closed_; });
        bytes = std::exchange(to_return_, 0);
      }
      if (bytes == 0) {
        return;
      }
      guest_.send(testing::credit_frame(Stream::kStdin, bytes));
    }
  }

  std::size_t sent(Stream stream) const { return sent_[static_cast<std::size_t>(stream)]; }
  std::size_t input_bytes() const { return input_bytes_; }
  std::size_t input_right() const { return input_right_; }

 private:
  void take(const HostFrame& one) {
    const std::lock_guard lock(mutex_);
    if (one.type == FrameType::kCredit) {
      credit_[static_cast<std::size_t>(one.stream)] += one.word();
    } else if (one.type == FrameType::kData) {
      input_right_ += count_right(Stream::kStdin, input_bytes_, one.payload);
      input_bytes_ += one.payload.size();
      to_return_ += static_cast<std::uint32_t>(one.payload.size());
    } else if (one.type == FrameType::kClose) {
      input_closed_ = true;
    }
    changed_.notify_all();
  }

  std::size_t take_credit(Stream stream) {
    std::unique_lock lock(mutex_);
    std::uint32_t& credit = credit_[static_cast<std::size_t>(stream)];
    changed_.wait(lock, [&] { return credit != 0; });
    const std::size_t count = std::min<std::size_t>(credit, kDataBytesMax);
    credit -= static_cast<std::uint32_t>(count);
    return count;
  }

  testing::FakeGuest guest_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::array<std::uint32_t, 3> credit_{0, kInitialCredit, kInitialCredit};
  std::array<std::atomic<std::size_t>, 3> sent_{};
  std::uint32_t to_return_ = 0;
  bool input_closed_ = false;
  std::size_t input_bytes_ = 0;
  std::size_t input_right_ = 0;
};

// How many of a stream's bytes come out of the pipe right.
std::size_t read_stream(const testing::Pipe& pipe, Stream stream) {
  std::vector<std::byte> buffer(kPipeBytes);
  std::size_t done = 0;
  std::size_t right = 0;
  while (done < kStreamBytes) {
    const ssize_t count = ::read(pipe.reader.get(), buffer.data(), buffer.size());
    if (count <= 0) {
      break;
    }
    right += count_right(stream, done, std::span(buffer).first(static_cast<std::size_t>(count)));
    done += static_cast<std::size_t>(count);
  }
  return right;
}

void write_stream(testing::Pipe& pipe) {
  std::vector<std::byte> buffer(kPipeBytes);
  for (std::size_t done = 0; done < kStreamBytes;) {
    const std::span<std::byte> part = std::span(buffer).first(std::min(kPipeBytes, kStreamBytes - done));
    fill(Stream::kStdin, done, part);
    for (std::size_t written = 0; written < part.size();) {
      const ssize_t count = ::write(pipe.writer.get(), part.data() + written, part.size() - written);
      ASSERT_GT(count, 0);
      written += static_cast<std::size_t>(count);
    }
    done += part.size();
  }
  pipe.writer = Fd();
}

TEST(SessionStreams, HundredMegabytesEachWayWhileStderrIsNotRead) {
  BusyGuest guest;
  testing::Pipe in;
  testing::Pipe out;
  testing::Pipe err;
  Session session(std::vector<std::byte>(64), {in.reader.get(), out.writer.get(), err.writer.get()},
                  [&] { guest.port().wake(); });
  guest.port().connect(session);
  guest.port().wake();

  std::latch others_done(2);
  std::size_t out_right = 0;
  std::size_t err_right = 0;
  std::size_t err_sent_at_stall = 0;
  {
    std::jthread produce_out([&] { guest.produce(Stream::kStdout); });
    std::jthread produce_err([&] { guest.produce(Stream::kStderr); });
    std::jthread write_in([&] { write_stream(in); });
    std::jthread consume_in([&] {
      guest.consume();
      others_done.count_down();
    });
    std::jthread read_out([&] {
      out_right = read_stream(out, Stream::kStdout);
      others_done.count_down();
    });
    // The stalled reader: begins when the two other streams are through.
    others_done.wait();
    err_sent_at_stall = guest.sent(Stream::kStderr);
    err_right = read_stream(err, Stream::kStderr);
  }
  EXPECT_EQ(guest.input_bytes(), kStreamBytes);
  EXPECT_EQ(guest.input_right(), kStreamBytes);
  EXPECT_EQ(out_right, kStreamBytes);
  EXPECT_EQ(err_right, kStreamBytes);
  EXPECT_LE(err_sent_at_stall, kInitialCredit + kPipeBytes) << "buffered beyond credit";
  EXPECT_FALSE(session.outcome().has_value()) << session.outcome()->sentence;
}

}  // namespace
}  // namespace mayfly::vmm
