// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "guest-init/protocol/frame.hpp"

namespace mayfly::init {

/// One of the workload's output streams: what the host lets init send, and how far its end has come. It holds
/// no bytes: what the host does not take stays in the pipe, and the workload waits.
///
///     kOpen --writers or host's reader gone--> kEnding --close frame added--> kEnded
class OutputStream {
 public:
  enum class State { kOpen, kEnding, kEnded };

  [[nodiscard]] State state() const noexcept { return state_; }

  /// Bytes that may be sent now; 0 once the stream has ended.
  [[nodiscard]] std::size_t allowance() const noexcept {
    return state_ == State::kOpen ? std::min<std::size_t>(credit_, left_) : 0;
  }

  /// `count` bytes, at most allowance(), are on their way.
  void sent(std::size_t count) noexcept {
    credit_ -= static_cast<std::uint32_t>(count);
    left_ -= left_ == kUnlimited ? 0 : count;
  }

  /// No more than `bytes` are to be sent from now on.
  void limit(std::size_t bytes) noexcept { left_ = bytes; }

  /// All that limit() has left is on its way.
  [[nodiscard]] bool is_complete() const noexcept { return left_ == 0; }

  /// The host takes `credit` bytes more. False when that is beyond all bounds.
  [[nodiscard]] bool grant(std::uint32_t credit) noexcept {
    if (credit > std::numeric_limits<std::uint32_t>::max() - credit_) {
      return false;
    }
    credit_ += credit;
    return true;
  }

  /// Nothing more is to be sent.
  void end() noexcept {
    if (state_ == State::kOpen) {
      state_ = State::kEnding;
    }
  }

  /// The close frame is on its way.
  void close_sent() noexcept { state_ = State::kEnded; }

 private:
  static constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

  State state_ = State::kOpen;
  std::size_t left_ = kUnlimited;
  std::uint32_t credit_ = protocol::kInitialCredit;
};

}  // namespace mayfly::init
