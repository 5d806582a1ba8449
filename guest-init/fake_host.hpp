// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/protocol/frame.hpp"

namespace mayfly::init {

/// Makes this process, a fork of the test, begin as the kernel has PID 1 begin: with no signal ignored, none
/// sent that it does not handle (SIGPIPE has a handler, which unlike ignoring is not inherited by the
/// workload), and no descriptor of the test's to give on.
void begin_as_pid_1();

/// A shell's word for its descriptors; the fourth is the folder that it reads.
inline constexpr std::string_view kShowDescriptors = "cd /proc/self/fd; echo *";
inline constexpr std::string_view kNoneButStdio = "0 1 2 3\n";

/// The host's end of a channel, and where wanted a process that runs init's session at the other. Test code
/// only.
///
/// Bytes of stdin come from a function of their position, so that streams of any length need no memory.
class FakeHost {
 public:
  /// Starts `command` by the launch request `records` (bytes of a LaunchWriter). `mark_file` receives the
  /// marks.
  explicit FakeHost(const std::vector<std::byte>& request, int mark_file = -1);
  /// A socket to the agent, not blocking; it becomes the host's.
  struct Connection {
    int socket;
  };
  /// Has the agent there start `command`.
  FakeHost(Connection connection, const std::vector<std::byte>& request);
  FakeHost(const FakeHost&) = delete;
  FakeHost& operator=(const FakeHost&) = delete;
  ~FakeHost();

  /// Sends stdin bytes pattern(0) .. pattern(size - 1) as credit allows, then the close.
  void send_input(std::uint64_t size, char (*pattern)(std::uint64_t));

  /// Queues one frame.
  void send(protocol::FrameType type, protocol::Stream stream, std::string_view payload = {});

  /// Called for the data of each frame; gives the credit to return now.
  std::function<std::uint32_t(protocol::Stream, std::string_view)> on_data;

  /// Called for each close from the guest.
  std::function<void(protocol::Stream)> on_close;

  /// Serves the channel until `done` gives true or the exit frame has come; false when the channel ended
  /// before.
  [[nodiscard]] bool serve_until(const std::function<bool()>& done);
  [[nodiscard]] bool serve_to_exit() {
    return serve_until([] { return false; });
  }

  /// Collected output, when on_data is not replaced.
  [[nodiscard]] const std::string& output(protocol::Stream stream) const {
    return output_[static_cast<std::size_t>(stream)];
  }
  [[nodiscard]] const std::vector<protocol::Stream>& closes() const { return closes_; }
  [[nodiscard]] const std::optional<protocol::ExitReport>& exit() const { return exit_; }
  [[nodiscard]] const std::string& message() const { return message_; }
  [[nodiscard]] std::uint64_t input_sent() const { return input_sent_; }

 private:
  void launch(int channel, const std::vector<std::byte>& request);
  void fill_outgoing();
  [[nodiscard]] bool exchange();
  void take_frames();
  void take(const protocol::FrameHeader& header, std::string_view payload);

  int channel_ = -1;
  pid_t guest_ = -1;
  std::string incoming_;
  std::string outgoing_;
  std::uint64_t input_size_ = 0;
  std::uint64_t input_sent_ = 0;
  std::uint64_t input_credit_ = protocol::kInitialCredit;
  char (*pattern_)(std::uint64_t) = nullptr;
  bool input_closed_ = true;
  std::array<std::string, 3> output_;
  std::vector<protocol::Stream> closes_;
  std::optional<protocol::ExitReport> exit_;
  std::string message_;
};

}  // namespace mayfly::init
