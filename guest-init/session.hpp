// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "guest-init/channel.hpp"
#include "guest-init/failure.hpp"
#include "guest-init/frame_reader.hpp"
#include "guest-init/input_stream.hpp"
#include "guest-init/marks.hpp"
#include "guest-init/outbox.hpp"
#include "guest-init/output_stream.hpp"
#include "guest-init/protocol/frame.hpp"
#include "guest-init/stdio.hpp"
#include "guest-init/workload.hpp"

namespace mayfly::init {

/// Writes what is pending; stops when the port takes no more. EPIPE: the host is gone.
[[nodiscard]] Step send_pending(Channel& channel, Outbox& outbox) noexcept;

/// What becomes of what the workload has left running when its first process has ended.
enum class Remains {
  kKilled,
  /// It runs on. What it writes later is dropped (its next write meets SIGPIPE), unless it is on a terminal,
  /// which is served until nobody has it open.
  kLeft,
};

/// Carries the workload's stdio over the channel until it has ended and all its output is in the outbox.
///
/// One loop around one poll(); no other call in it waits. Large, so it lies in static storage.
class Session {
 public:
  /// `child_watch` comes from watch_children(), called before the workload was started.
  Session(Channel& channel, Outbox& outbox, Workload& workload, Stdio& stdio, const Marks& marks,
          int child_watch, Remains remains) noexcept
      : channel_(channel),
        outbox_(outbox),
        workload_(workload),
        stdio_(stdio),
        marks_(marks),
        child_watch_(child_watch),
        remains_(remains) {}

  /// Runs to the workload's end and fills `report`. Errors: EPROTO for a frame that may not be, EPIPE when
  /// the host is gone; then the workload still runs.
  [[nodiscard]] Step run(protocol::ExitReport& report) noexcept;

 private:
  static constexpr std::size_t kOutputs = 2;

  [[nodiscard]] bool is_over() const noexcept;
  void add_due_frames() noexcept;
  [[nodiscard]] Step wait_and_serve() noexcept;
  [[nodiscard]] bool wants_output(std::size_t index) const noexcept;

  [[nodiscard]] Step receive() noexcept;
  [[nodiscard]] Step handle(const HostFrame& frame) noexcept;
  [[nodiscard]] bool handle_close(protocol::Stream stream) noexcept;

  void feed_workload() noexcept;
  void end_input() noexcept;
  void lose_input_reader() noexcept;
  void read_output(std::size_t index) noexcept;
  void end_output(std::size_t index) noexcept;
  void hang_up() noexcept;
  void notice_children() noexcept;
  void limit_output(std::size_t index) noexcept;

  Channel& channel_;
  Outbox& outbox_;
  Workload& workload_;
  Stdio& stdio_;
  const Marks& marks_;
  int child_watch_;
  Remains remains_;

  std::optional<protocol::ExitReport> exit_;
  bool input_close_due_ = false;  ///< The workload has closed its stdin, and the host does not know yet.
  std::array<OutputStream, kOutputs> output_;  ///< stdout and stderr
  FrameReader frames_;
  InputStream input_;
};

}  // namespace mayfly::init
