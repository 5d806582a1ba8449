// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.hpp"
#include "guest-init/protocol/frame.hpp"

namespace mayfly::vmm {

/// How the guest broke the rules of the channel (protocol/frame.hpp).
enum class FrameFault : std::uint8_t {
  kBadType,
  kBadStream,
  kReservedNotZero,
  kBadLength,
  kBadExitReport,
  kDataBeyondCredit,
  kCreditBeyondData,
  kAfterClose,
  kAfterExit,
};

/// What the guest did, as the rest of "the guest … on its channel".
[[nodiscard]] std::string_view describe(FrameFault fault) noexcept;

/// A piece of a guest's frame. Data comes in as many pieces as it arrived in, all else whole.
struct FramePiece {
  protocol::FrameType type;
  protocol::Stream stream;
  std::span<const std::byte> payload;
};

/// Takes the guest's byte stream apart. Checks each frame by itself; what depends on earlier frames is
/// Session's. Never allocates; not thread-safe.
class FrameReader {
 public:
  /// The next piece at the front of `input`, which is moved behind it; nothing when the rest of a frame has
  /// yet to come, with `input` used up. The piece borrows from `input` or from the reader, until the next
  /// call.
  [[nodiscard]] Result<std::optional<FramePiece>, FrameFault> next(
      std::span<const std::byte>& input) noexcept;

 private:
  void collect(std::span<const std::byte>& input, std::size_t wanted) noexcept;
  [[nodiscard]] std::optional<FramePiece> next_data(std::span<const std::byte>& input) noexcept;

  protocol::FrameHeader header_{};
  bool in_frame_ = false;
  std::uint32_t data_left_ = 0;
  std::size_t held_bytes_ = 0;
  std::array<std::byte, sizeof(protocol::ExitReport) + protocol::kMessageBytesMax> held_{};
};

}  // namespace mayfly::vmm
