// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "guest-init/protocol/frame.hpp"

namespace mayfly::init {

/// The workload's stdin: bytes that the host has sent and the workload has not yet taken, and the host's
/// credit.
///
///     kOpen --host closed--> kEnding --all taken--> kEnded
///       +---------reader gone---------+--> kEnded: what the host still sends is dropped
class InputStream {
 public:
  enum class State { kOpen, kEnding, kEnded };

  [[nodiscard]] State state() const noexcept { return state_; }

  /// Bytes from the host. False when they go beyond its credit or come after its close: the host is at fault.
  [[nodiscard]] bool receive(std::span<const std::byte> bytes) noexcept;

  /// The host sends no more. False when it has said so before.
  [[nodiscard]] bool close_by_host() noexcept;

  /// The workload has closed its end: nothing more is wanted.
  void drop() noexcept;

  /// The bytes that are next for the workload, as many as lie in one piece; empty when there are none.
  [[nodiscard]] std::span<const std::byte> front() const noexcept;

  /// The workload has taken the first `count` bytes of front(), at least one.
  void taken(std::size_t count) noexcept;

  /// The last byte that the workload has taken; a line end when it has taken none.
  [[nodiscard]] char last_taken() const noexcept { return last_taken_; }

  /// Credit to give back to the host now, in bytes; 0 for "not yet": it is returned in large pieces.
  [[nodiscard]] std::uint32_t credit_due() const noexcept;

  /// credit_due() has been given.
  void credit_given() noexcept;

 private:
  State state_ = State::kOpen;
  bool host_closed_ = false;
  char last_taken_ = '\n';
  std::uint32_t credit_ = protocol::kInitialCredit;  ///< What the host may still send.
  std::uint32_t due_ = 0;                            ///< Taken and not yet given back.
  std::size_t begin_ = 0;                            ///< Index of the first byte in bytes_.
  std::size_t size_ = 0;
  std::array<std::byte, protocol::kInitialCredit> bytes_;  ///< A ring: holds all that credit allows.
};

}  // namespace mayfly::init
