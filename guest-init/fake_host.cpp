// SPDX-License-Identifier: Apache-2.0
#include "guest-init/fake_host.hpp"

#include <algorithm>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest-init/command.hpp"
#include "guest-init/request.hpp"

namespace mayfly::init {
namespace {

using protocol::FrameHeader;
using protocol::FrameType;
using protocol::Stream;

constexpr std::size_t kOutgoingMax = 256U << 10U;

/// What main.cpp does between the mounts and the power-off, without what sets the machine up.
[[noreturn]] void run_guest(int descriptor, int mark_file) {
  begin_as_pid_1();
  static RequestStorage storage;
  Channel channel(descriptor);
  Request request;
  protocol::ExitReport report{};
  Step failed = receive_request(channel, storage, request);
  if (!failed) {
    failed = run_command(channel, request, Marks(mark_file), Remains::kKilled, report);
  }
  send_exit(channel, report, failed);
  _exit(0);
}

}  // namespace

void begin_as_pid_1() {
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action {};
    if (number == SIGPIPE) {
      action.sa_handler = [](int) {};
    }
    sigaction(number, &action, nullptr);
  }
  close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
}

FakeHost::FakeHost(const std::vector<std::byte>& request, int mark_file) {
  int ends[2] = {-1, -1};
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
  guest_ = fork();
  if (guest_ == 0) {
    close(ends[0]);
    run_guest(ends[1], mark_file);
  }
  close(ends[1]);
  launch(ends[0], request);
}

FakeHost::FakeHost(Connection connection, const std::vector<std::byte>& request) {
  launch(connection.socket, request);
}

void FakeHost::launch(int channel, const std::vector<std::byte>& request) {
  channel_ = channel;
  on_data = [this](Stream stream, std::string_view data) {
    output_[static_cast<std::size_t>(stream)] += data;
    return static_cast<std::uint32_t>(data.size());
  };
  on_close = [](Stream) {};
  send(FrameType::kLaunch, Stream::kStdin, {reinterpret_cast<const char*>(request.data()), request.size()});
}

FakeHost::~FakeHost() {
  close(channel_);
  if (guest_ > 0) {
    waitpid(guest_, nullptr, 0);
  }
}

void FakeHost::send_input(std::uint64_t size, char (*pattern)(std::uint64_t)) {
  input_size_ = size;
  pattern_ = pattern;
  input_closed_ = false;
}

void FakeHost::send(FrameType type, Stream stream, std::string_view payload) {
  const FrameHeader header{
      .type = type, .stream = stream, .zero = 0, .payload_bytes = static_cast<std::uint32_t>(payload.size())};
  outgoing_.append(reinterpret_cast<const char*>(&header), sizeof(header));
  outgoing_.append(payload);
}

void FakeHost::fill_outgoing() {
  while (!input_closed_ && outgoing_.size() < kOutgoingMax) {
    const std::uint64_t count =
        std::min<std::uint64_t>({input_size_ - input_sent_, input_credit_, protocol::kDataBytesMax});
    if (count == 0 && input_sent_ != input_size_) {
      return;
    }
    if (count == 0) {
      send(FrameType::kClose, Stream::kStdin);
      input_closed_ = true;
      return;
    }
    std::string data(count, '\0');
    for (char& byte : data) {
      byte = pattern_(input_sent_++);
    }
    input_credit_ -= count;
    send(FrameType::kData, Stream::kStdin, data);
  }
}

bool FakeHost::serve_until(const std::function<bool()>& done) {
  while (!exit_ && !done()) {
    fill_outgoing();
    if (!exchange()) {
      return exit_.has_value();
    }
  }
  return true;
}

bool FakeHost::exchange() {
  const auto events = static_cast<short>(outgoing_.empty() ? POLLIN : POLLIN | POLLOUT);
  pollfd ready{.fd = channel_, .events = events, .revents = 0};
  poll(&ready, 1, -1);
  if ((ready.revents & POLLOUT) != 0) {
    const ssize_t count = ::send(channel_, outgoing_.data(), outgoing_.size(), MSG_NOSIGNAL);
    outgoing_.erase(0, count > 0 ? static_cast<std::size_t>(count) : 0);
  }
  if ((ready.revents & (POLLIN | POLLHUP)) != 0) {
    std::array<char, 65536> bytes;
    const ssize_t count = read(channel_, bytes.data(), bytes.size());
    if (count <= 0) {
      return false;
    }
    incoming_.append(bytes.data(), static_cast<std::size_t>(count));
    take_frames();
  }
  return true;
}

void FakeHost::take_frames() {
  std::size_t at = 0;
  FrameHeader header{};
  while (incoming_.size() - at >= sizeof(header)) {
    std::memcpy(&header, incoming_.data() + at, sizeof(header));
    if (incoming_.size() - at - sizeof(header) < header.payload_bytes) {
      break;
    }
    take(header, {incoming_.data() + at + sizeof(header), header.payload_bytes});
    at += sizeof(header) + header.payload_bytes;
  }
  incoming_.erase(0, at);
}

void FakeHost::take(const FrameHeader& header, std::string_view payload) {
  EXPECT_FALSE(exit_.has_value()) << "a frame after the exit frame";
  switch (header.type) {
    case FrameType::kData: {
      EXPECT_LE(payload.size(), protocol::kDataBytesMax);
      const std::uint32_t credit = on_data(header.stream, payload);
      if (credit != 0) {
        send(FrameType::kCredit, header.stream, {reinterpret_cast<const char*>(&credit), sizeof(credit)});
      }
      break;
    }
    case FrameType::kClose:
      closes_.push_back(header.stream);
      on_close(header.stream);
      if (header.stream == Stream::kStdin) {
        input_closed_ = true;
      }
      break;
    case FrameType::kCredit: {
      std::uint32_t credit = 0;
      std::memcpy(&credit, payload.data(), sizeof(credit));
      input_credit_ += credit;
      EXPECT_TRUE(pattern_ == nullptr || input_credit_ <= protocol::kInitialCredit);
      break;
    }
    case FrameType::kExit: {
      protocol::ExitReport report{};
      std::memcpy(&report, payload.data(), sizeof(report));
      exit_ = report;
      message_ = payload.substr(sizeof(report));
      break;
    }
    default:
      ADD_FAILURE() << "a frame of type " << static_cast<int>(header.type);
  }
}

}  // namespace mayfly::init
