// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "base/fd.hpp"
#include "control/run_log.hpp"
#include "guest-init/protocol/frame.hpp"
#include "guest-init/protocol/launch.hpp"
#include "io/port_backend.hpp"
#include "vmm/outcome.hpp"
#include "vmm/session_frames.hpp"
#include "vmm/session_outbox.hpp"
#include "vmm/stdio_reader.hpp"
#include "vmm/stdio_writer.hpp"

namespace mayfly::vmm {

/// The caller's descriptors that the workload's stdio is joined to. They stay the caller's.
struct StdioFds {
  int in;
  int out;
  int err;
  /// Not null: stdout and stderr go there instead.
  control::RunLog* log = nullptr;
};

/// The host end of the channel to mayfly-init: sends the launch request, carries stdio by credit, learns how
/// the workload ended.
///
/// Threads: from_guest and to_guest come from the console device, with its lock held; three stdio threads
/// start when there is work for them; all else is the main loop's. Lock order: device, session, stdio. `wake`
/// takes the device's lock, so it is called with none held.
class Session : public io::PortBackend {
 public:
  /// `launch` is a launch request, not empty. `wake` makes the device pull to_guest; any thread, must not
  /// throw. Throws Error when there is no eventfd to be had. Ignore SIGPIPE (Signals does).
  Session(std::vector<std::byte> launch, StdioFds fds, std::function<void()> wake);
  ~Session() override { stop(); }

  void from_guest(std::span<const std::byte> bytes) noexcept override;
  [[nodiscard]] std::size_t to_guest(std::span<std::byte> buffer) noexcept override;

  /// Readable when outcome() or drained() may have changed; acknowledge() makes it unreadable.
  [[nodiscard]] int event_fd() const noexcept { return event_.get(); }
  void acknowledge() noexcept;

  /// How the run ended, once the guest has said so or broken the rules; nothing as long as it runs.
  [[nodiscard]] std::optional<Outcome> outcome();
  /// Takes nothing more from the guest. What has come is still written.
  void end_output() noexcept;
  /// Once there is an outcome or after end_output(): all that came from the guest is written, or never can
  /// be.
  [[nodiscard]] bool drained() noexcept;
  /// errno of the write after which the rest of stdout or stderr was dropped, other than a reader that went
  /// away.
  [[nodiscard]] int write_error() noexcept;
  /// Drops what is left, ends the stdio threads and never calls `wake` again. Before the console device goes.
  void stop() noexcept;

  /// To the workload, after the launch request if that is still on its way.
  void send_signal(int number) noexcept;
  void send_window_size(protocol::TerminalSize size) noexcept;

 private:
  enum class Phase : std::uint8_t { kRunning, kReported, kViolated, kNoThread, kCutOff };
  /// One of stdout and stderr.
  struct Output {
    StdioWriter writer;
    std::uint32_t credit = protocol::kInitialCredit;  // what the guest may still send
    bool closed = false;                              // the guest has said so
    int error = 0;                                    // of the write after which the rest is dropped
  };

  [[nodiscard]] Output& output(protocol::Stream stream) noexcept {
    return stream == protocol::Stream::kStdout ? out_ : err_;
  }
  [[nodiscard]] std::optional<FrameFault> take(const FramePiece& piece) noexcept;
  [[nodiscard]] std::optional<FrameFault> take_data(const FramePiece& piece) noexcept;
  [[nodiscard]] std::optional<FrameFault> take_close(protocol::Stream stream) noexcept;
  [[nodiscard]] std::optional<FrameFault> take_exit(std::span<const std::byte> payload) noexcept;
  void enter(Phase phase) noexcept;
  void output_progressed(protocol::Stream stream) noexcept;
  [[nodiscard]] Outcome reported_outcome() const;
  void notify() noexcept;

  const std::function<void()> wake_;
  Fd event_;
  std::mutex mutex_;
  FrameReader reader_;
  SessionOutbox outbox_;
  Phase phase_ = Phase::kRunning;
  FrameFault fault_{};
  protocol::ExitReport report_{};
  std::array<char, protocol::kMessageBytesMax> message_{};
  std::size_t message_bytes_ = 0;
  bool input_closed_ = false;
  StdioReader in_;
  Output out_;
  Output err_;
};

}  // namespace mayfly::vmm
