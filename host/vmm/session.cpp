// SPDX-License-Identifier: Apache-2.0
#include "vmm/session.hpp"

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include <unistd.h>

#include "base/error.hpp"
#include "base/event_fd.hpp"

namespace mayfly::vmm {
namespace {

using protocol::ExitKind;
using protocol::ExitReport;
using protocol::FrameType;
using protocol::Stream;

constexpr std::uint32_t kErrnoMax = 4095;  // include/linux/err.h, MAX_ERRNO
constexpr std::uint32_t kSignalMax = 64;

bool makes_sense(const ExitReport& report) noexcept {
  switch (report.kind) {
    case ExitKind::kExited:
      return report.value <= 255;
    case ExitKind::kSignaled:
      return report.value >= 1 && report.value <= kSignalMax;
    case ExitKind::kExecFailed:
    case ExitKind::kSetupFailed:
      return report.value <= kErrnoMax;
  }
  return false;
}

// A guest's words on the caller's terminal: no control sequences.
std::string printable(std::string_view text) {
  std::string clean(text);
  for (char& c : clean) {
    const auto byte = static_cast<unsigned char>(c);
    c = byte < 0x20 || byte == 0x7f ? '?' : c;
  }
  return clean;
}

std::string failure(std::string_view what, std::string_view message, std::uint32_t errno_value) {
  std::string sentence(what);
  sentence += ": ";
  sentence += message.empty() ? "no reason given" : printable(message);
  return errno_value == 0 ? sentence : Error(static_cast<int>(errno_value), sentence).what();
}

}  // namespace

Session::Session(std::vector<std::byte> launch, StdioFds fds, std::function<void()> wake)
    : wake_(std::move(wake)),
      event_(make_event()),
      outbox_(std::move(launch)),
      in_(fds.in, protocol::kInitialCredit, wake_),
      out_{.writer{{fds.out, fds.log, control::LogStream::kStdout},
                   protocol::kInitialCredit,
                   [this] { output_progressed(Stream::kStdout); }}},
      err_{.writer{{fds.err, fds.log, control::LogStream::kStderr}, protocol::kInitialCredit, [this] {
                     output_progressed(Stream::kStderr);
                   }}} {
  if (!event_) {
    fail_errno("eventfd");
  }
  MAYFLY_ASSERT(!outbox_.launched());
}

void Session::from_guest(std::span<const std::byte> bytes) noexcept {
  const std::lock_guard lock(mutex_);
  while (!bytes.empty() && (phase_ == Phase::kRunning || phase_ == Phase::kReported)) {
    std::optional<FrameFault> fault;
    if (phase_ == Phase::kReported) {
      fault = FrameFault::kAfterExit;
    } else if (const auto piece = reader_.next(bytes); !piece.has_value()) {
      fault = piece.error();
    } else if (piece->has_value()) {
      fault = take(**piece);
    }
    if (fault.has_value()) {
      fault_ = *fault;
      enter(Phase::kViolated);
    }
  }
}

std::size_t Session::to_guest(std::span<std::byte> buffer) noexcept {
  const std::lock_guard lock(mutex_);
  if (phase_ != Phase::kRunning) {
    return 0;
  }
  const std::size_t filled = outbox_.fill(buffer, in_);
  if (outbox_.launched() && !in_.start()) {
    enter(Phase::kNoThread);
  }
  return filled;
}

std::optional<FrameFault> Session::take(const FramePiece& piece) noexcept {
  switch (piece.type) {
    case FrameType::kData:
      return take_data(piece);
    case FrameType::kClose:
      return take_close(piece.stream);
    case FrameType::kCredit:
      return in_.grant(protocol::detail::load<std::uint32_t>(piece.payload.data()))
                 ? std::nullopt
                 : std::optional(FrameFault::kCreditBeyondData);
    case FrameType::kExit:
      return take_exit(piece.payload);
    default:
      return FrameFault::kBadType;
  }
}

std::optional<FrameFault> Session::take_data(const FramePiece& piece) noexcept {
  Output& to = output(piece.stream);
  if (to.closed) {
    return FrameFault::kAfterClose;
  }
  if (piece.payload.size() > to.credit) {
    return FrameFault::kDataBeyondCredit;
  }
  if (!to.writer.start()) {
    enter(Phase::kNoThread);
    return std::nullopt;
  }
  to.credit -= static_cast<std::uint32_t>(piece.payload.size());
  // Credit and bytes in the ring are kInitialCredit together, the ring's capacity.
  const std::size_t taken = to.writer.put(piece.payload);
  MAYFLY_ASSERT(taken == piece.payload.size());
  return std::nullopt;
}

std::optional<FrameFault> Session::take_close(Stream stream) noexcept {
  bool& closed = stream == Stream::kStdin ? input_closed_ : output(stream).closed;
  if (closed) {
    return FrameFault::kAfterClose;
  }
  closed = true;
  if (stream == Stream::kStdin) {
    in_.abandon();
  } else {
    output(stream).writer.finish();
  }
  return std::nullopt;
}

std::optional<FrameFault> Session::take_exit(std::span<const std::byte> payload) noexcept {
  std::memcpy(&report_, payload.data(), sizeof(report_));
  if (!makes_sense(report_)) {
    return FrameFault::kBadExitReport;
  }
  const std::span<const std::byte> message = payload.subspan(sizeof(report_));
  std::memcpy(message_.data(), message.data(), message.size());
  message_bytes_ = message.size();
  enter(Phase::kReported);
  return std::nullopt;
}

void Session::enter(Phase phase) noexcept {
  phase_ = phase;
  in_.abandon();
  out_.writer.finish();
  err_.writer.finish();
  notify();
}

void Session::output_progressed(Stream stream) noexcept {
  bool guest_waits = false;
  {
    const std::lock_guard lock(mutex_);
    Output& from = output(stream);
    const StdioWriter::Progress progress = from.writer.take_progress();
    const auto bytes = static_cast<std::uint32_t>(progress.left_ring);
    from.credit += bytes;
    outbox_.credit(stream, bytes);
    if (progress.error != 0 && from.error == 0) {
      // As in a pipeline: the workload's next write fails.
      from.error = progress.error;
      outbox_.close(stream);
    }
    if (progress.drained) {
      notify();
    }
    guest_waits = phase_ == Phase::kRunning && outbox_.pending();
  }
  if (guest_waits) {
    wake_();
  }
}

void Session::notify() noexcept { ring_event(event_.get()); }

void Session::acknowledge() noexcept { (void)take_event(event_.get()); }

Outcome Session::reported_outcome() const {
  const std::string_view message(message_.data(), message_bytes_);
  switch (report_.kind) {
    case ExitKind::kExited:
      return {OutcomeKind::kExited, report_.value, {}};
    case ExitKind::kSignaled:
      return {OutcomeKind::kSignaled, report_.value, {}};
    case ExitKind::kExecFailed:
      return {OutcomeKind::kExecFailed, report_.value,
              failure("cannot run the command", message, report_.value)};
    case ExitKind::kSetupFailed:
      break;
  }
  return {OutcomeKind::kSetupFailed, report_.value,
          failure("the guest could not prepare the workload", message, report_.value)};
}

std::optional<Outcome> Session::outcome() {
  const std::lock_guard lock(mutex_);
  switch (phase_) {
    case Phase::kReported:
      return reported_outcome();
    case Phase::kViolated:
      return Outcome{OutcomeKind::kProtocolViolation, 0,
                     "protocol violation: the guest " + std::string(describe(fault_)) + " on its channel"};
    case Phase::kNoThread:
      return Outcome{OutcomeKind::kInternalError, EAGAIN,
                     "no thread left for the workload's stdio; raise the limit on processes (ulimit -u)"};
    case Phase::kRunning:
    case Phase::kCutOff:
      break;
  }
  return std::nullopt;
}

void Session::end_output() noexcept {
  const std::lock_guard lock(mutex_);
  if (phase_ == Phase::kRunning) {
    enter(Phase::kCutOff);
  }
}

bool Session::drained() noexcept { return out_.writer.drained() && err_.writer.drained(); }

int Session::write_error() noexcept {
  const std::lock_guard lock(mutex_);
  for (const Output* output : {&out_, &err_}) {
    if (output->error != 0 && output->error != EPIPE) {
      return output->error;
    }
  }
  return 0;
}

void Session::stop() noexcept {
  end_output();
  in_.stop();
  out_.writer.stop();
  err_.writer.stop();
}

void Session::send_signal(int number) noexcept {
  {
    const std::lock_guard lock(mutex_);
    outbox_.signal(number);
  }
  wake_();
}

void Session::send_window_size(protocol::TerminalSize size) noexcept {
  {
    const std::lock_guard lock(mutex_);
    outbox_.window_size(size);
  }
  wake_();
}

}  // namespace mayfly::vmm
