// SPDX-License-Identifier: Apache-2.0
#include "guest-init/session.hpp"

#include <algorithm>
#include <cerrno>
#include <span>

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "guest-init/signals.hpp"

namespace mayfly::init {
namespace {

using protocol::FrameType;
using protocol::Stream;

[[nodiscard]] constexpr Stream output_stream(std::size_t index) noexcept {
  return index == 0 ? Stream::kStdout : Stream::kStderr;
}

[[nodiscard]] Failure host_fault(std::string_view what) noexcept {
  return setup_failure(EPROTO, "channel protocol:", what);
}

}  // namespace

Step send_pending(Channel& channel, Outbox& outbox) noexcept {
  while (!outbox.pending().empty()) {
    const ssize_t count = channel.write_some(outbox.pending());
    if (count > 0) {
      outbox.sent(static_cast<std::size_t>(count));
    } else if (count == 0 || errno == EAGAIN) {
      return std::nullopt;
    } else if (errno != EINTR) {
      return setup_failure(errno, "writing the channel");
    }
  }
  return std::nullopt;
}

Step Session::run(protocol::ExitReport& report) noexcept {
  for (;;) {
    add_due_frames();
    if (is_over()) {
      report = *exit_;
      return std::nullopt;
    }
    if (Step failed = send_pending(channel_, outbox_); failed) {
      return failed;
    }
    if (Step failed = wait_and_serve(); failed) {
      return failed;
    }
  }
}

bool Session::is_over() const noexcept {
  return exit_.has_value() && std::all_of(output_.begin(), output_.end(), [](const OutputStream& output) {
           return output.state() == OutputStream::State::kEnded;
         });
}

/// Adds the frames that the streams' states ask for. What finds no room is asked for again in the next turn.
void Session::add_due_frames() noexcept {
  if (const std::uint32_t credit = input_.credit_due();
      credit != 0 && outbox_.add(FrameType::kCredit, Stream::kStdin, std::as_bytes(std::span(&credit, 1)))) {
    input_.credit_given();
  }
  if (input_close_due_ && outbox_.add(FrameType::kClose, Stream::kStdin, {})) {
    input_close_due_ = false;
  }
  for (std::size_t i = 0; i < kOutputs; ++i) {
    if (output_[i].state() == OutputStream::State::kEnding &&
        outbox_.add(FrameType::kClose, output_stream(i), {})) {
      output_[i].close_sent();
    }
  }
}

/// Output is read when it can go on at once. Until then it is not even polled: a hang-up would wake for
/// nothing.
bool Session::wants_output(std::size_t index) const noexcept {
  return stdio_.output[index] >= 0 && output_[index].allowance() != 0 && outbox_.pending().empty();
}

Step Session::wait_and_serve() noexcept {
  const bool input_waits = !input_.front().empty();
  // An idle pipe is polled for the end of its reader; an idle terminal would report a hang-up without end.
  const bool poll_input = input_waits || stdio_.kind == Stdio::Kind::kPipes;
  const auto to_send = static_cast<short>(outbox_.pending().empty() ? 0 : POLLOUT);
  std::array<pollfd, 5> ready{{
      {.fd = channel_.descriptor(), .events = static_cast<short>(POLLIN | to_send), .revents = 0},
      {.fd = child_watch_, .events = POLLIN, .revents = 0},
      {.fd = poll_input ? stdio_.input : -1,
       .events = static_cast<short>(input_waits ? POLLOUT : 0),
       .revents = 0},
      {.fd = wants_output(0) ? stdio_.output[0] : -1, .events = POLLIN, .revents = 0},
      {.fd = wants_output(1) ? stdio_.output[1] : -1, .events = POLLIN, .revents = 0},
  }};
  if (poll(ready.data(), ready.size(), -1) <= 0) {
    return std::nullopt;
  }
  if ((ready[2].revents & (POLLERR | POLLHUP)) != 0) {
    lose_input_reader();
  } else if ((ready[2].revents & POLLOUT) != 0) {
    feed_workload();
  }
  for (std::size_t i = 0; i < kOutputs; ++i) {
    if (ready[3 + i].revents != 0) {
      read_output(i);
    }
  }
  if (ready[1].revents != 0) {
    notice_children();
  }
  return (ready[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0 ? receive() : std::nullopt;
}

Step Session::receive() noexcept {
  const ssize_t count = channel_.read_some(frames_.space());
  if (count == 0) {
    return setup_failure(EPIPE, "reading the channel: the host is gone");
  }
  if (count < 0) {
    return errno == EAGAIN || errno == EINTR ? std::nullopt
                                             : Step(setup_failure(errno, "reading the channel"));
  }
  frames_.filled(static_cast<std::size_t>(count));
  for (auto frame = frames_.next(); frame; frame = frames_.next()) {
    if (Step failed = handle(*frame); failed) {
      return failed;
    }
  }
  if (!frames_.fault().empty()) {
    return host_fault(frames_.fault());
  }
  feed_workload();
  return std::nullopt;
}

Step Session::handle(const HostFrame& frame) noexcept {
  bool allowed = true;
  switch (frame.type) {
    case FrameType::kData:
      allowed = input_.receive(frame.payload);
      break;
    case FrameType::kClose:
      allowed = handle_close(frame.stream);
      break;
    case FrameType::kCredit:
      allowed = output_[frame.stream == Stream::kStdout ? 0 : 1].grant(frame.number());
      break;
    case FrameType::kSignal:
      workload_.signal(static_cast<int>(frame.number()));
      break;
    case FrameType::kWindowSize:
      if (stdio_.kind == Stdio::Kind::kTerminal && stdio_.output[0] >= 0) {
        resize_terminal(stdio_.output[0], frame.size());
      }
      break;
    case FrameType::kLaunch:
    case FrameType::kExit:
      allowed = false;
      break;
  }
  return allowed ? std::nullopt
                 : Step(host_fault("data or credit beyond what was granted, or after the close"));
}

bool Session::handle_close(Stream stream) noexcept {
  if (stream == Stream::kStdin) {
    return input_.close_by_host();
  }
  // The reader at the host's end is gone: as in a pipeline, the next write of the workload shall meet
  // SIGPIPE.
  if (stdio_.kind == Stdio::Kind::kTerminal) {
    hang_up();
  } else {
    end_output(stream == Stream::kStdout ? 0 : 1);
  }
  return true;
}

void Session::feed_workload() noexcept {
  if (stdio_.input < 0) {
    return;
  }
  for (auto bytes = input_.front(); !bytes.empty(); bytes = input_.front()) {
    const ssize_t count = write(stdio_.input, bytes.data(), bytes.size());
    if (count < 0 && (errno == EPIPE || errno == EIO)) {
      lose_input_reader();
      return;
    }
    if (count <= 0) {
      return;
    }
    input_.taken(static_cast<std::size_t>(count));
  }
  if (input_.state() == InputStream::State::kEnded) {
    end_input();
  }
}

void Session::end_input() noexcept {
  if (stdio_.kind == Stdio::Kind::kTerminal) {
    end_terminal_input(stdio_.input, input_.last_taken());
  } else {
    close(stdio_.input);
  }
  stdio_.input = -1;
}

void Session::lose_input_reader() noexcept {
  input_close_due_ = true;
  input_.drop();
  if (stdio_.kind == Stdio::Kind::kPipes) {
    close(stdio_.input);
  }
  stdio_.input = -1;
}

void Session::read_output(std::size_t index) noexcept {
  const auto room = outbox_.begin_data();
  const std::size_t most = std::min(room.size(), output_[index].allowance());
  if (most == 0) {
    return;
  }
  const ssize_t count = read(stdio_.output[index], room.data(), most);
  if (count > 0) {
    outbox_.end_data(output_stream(index), static_cast<std::size_t>(count));
    output_[index].sent(static_cast<std::size_t>(count));
    if (output_[index].is_complete()) {
      end_output(index);
    }
  } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
    // A terminal that nobody has open any more reads as EIO.
    end_output(index);
  }
}

void Session::end_output(std::size_t index) noexcept {
  if (stdio_.kind == Stdio::Kind::kTerminal) {
    hang_up();
    return;
  }
  output_[index].end();
  close(stdio_.output[index]);
  stdio_.output[index] = -1;
}

/// Gives up the terminal's master: the kernel sends SIGHUP to those that still have it as their terminal.
void Session::hang_up() noexcept {
  for (OutputStream& output : output_) {
    output.end();
  }
  input_.drop();
  close(stdio_.output[0]);
  stdio_.output[0] = -1;
  stdio_.input = -1;
}

void Session::notice_children() noexcept {
  acknowledge_children(child_watch_);
  if (const auto report = workload_.reap(); report) {
    marks_.write(protocol::Mark::kExited);
    exit_ = report;
    if (remains_ == Remains::kKilled) {
      workload_.kill_remains();
    } else if (stdio_.kind == Stdio::Kind::kPipes) {
      limit_output(0);
      limit_output(1);
    }
  }
}

/// Takes no more than what the workload's first process can have written.
void Session::limit_output(std::size_t index) noexcept {
  int bytes = 0;
  if (stdio_.output[index] < 0 || ioctl(stdio_.output[index], FIONREAD, &bytes) != 0) {
    return;
  }
  output_[index].limit(static_cast<std::size_t>(bytes));
  if (output_[index].is_complete()) {
    end_output(index);
  }
}

}  // namespace mayfly::init
