// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "guest-init/protocol/frame.hpp"
#include "guest-init/protocol/launch.hpp"
#include "vmm/stdio_reader.hpp"

namespace mayfly::vmm {

/// What the host has yet to say on the channel. Bounded by what it is: a credit adds up, a signal or window
/// size that the guest has not heard yet is said once, stdin stays in its reader. Not thread-safe.
class SessionOutbox {
 public:
  /// Credit goes back in lots, so that a workload that prints lines does not cost the guest an interrupt for
  /// each.
  static constexpr std::uint32_t kCreditLot = protocol::kInitialCredit / 4;

  /// `launch` is a launch request, not empty; it goes first.
  explicit SessionOutbox(std::vector<std::byte> launch) noexcept : launch_(std::move(launch)) {}

  void credit(protocol::Stream stream, std::uint32_t bytes) noexcept;
  /// The reader of stdout or stderr is gone. Said once.
  void close(protocol::Stream stream) noexcept;
  /// 1 to 64.
  void signal(int number) noexcept;
  void window_size(protocol::TerminalSize size) noexcept { window_size_ = size; }

  /// Something other than stdin waits to be said.
  [[nodiscard]] bool pending() const noexcept;
  /// The guest has all of the launch request.
  [[nodiscard]] bool launched() const noexcept { return launch_.empty(); }

  /// Fills the front of `buffer` with frames, or parts of them; how much. `input` is the workload's stdin.
  [[nodiscard]] std::size_t fill(std::span<std::byte> buffer, StdioReader& input) noexcept;

 private:
  enum class Body : std::uint8_t { kLaunch, kInput };
  struct Closing {
    bool wanted = false;
    bool said = false;
  };

  void stage(protocol::FrameType type, protocol::Stream stream, std::span<const std::byte> payload) noexcept;
  void stage_body(protocol::FrameType type, Body body, std::size_t bytes) noexcept;
  [[nodiscard]] bool stage_next(StdioReader& input) noexcept;
  [[nodiscard]] bool stage_output_side() noexcept;
  [[nodiscard]] bool stage_input(StdioReader& input) noexcept;
  [[nodiscard]] std::size_t copy_body(std::span<std::byte> to, StdioReader& input) noexcept;

  std::vector<std::byte> launch_;
  std::array<std::uint32_t, 3> credit_{};  // by stream; that of stdin is not used
  std::array<Closing, 3> closing_{};       // the same
  bool input_end_said_ = false;
  std::uint64_t signals_ = 0;  // bit N-1: signal N
  std::optional<protocol::TerminalSize> window_size_{};

  // The frame on its way: its head, then its body.
  std::array<std::byte, sizeof(protocol::FrameHeader) + sizeof(std::uint32_t)> head_{};
  std::size_t head_bytes_ = 0;
  std::size_t head_sent_ = 0;
  Body body_ = Body::kLaunch;
  std::size_t body_left_ = 0;
};

}  // namespace mayfly::vmm
