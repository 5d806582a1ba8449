// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "guest-init/protocol/frame.hpp"
#include "guest-init/protocol/launch.hpp"

namespace mayfly::init {

/// A checked frame from the host; its payload is borrowed from the reader until the next call of it.
struct HostFrame {
  protocol::FrameType type;
  protocol::Stream stream;
  std::span<const std::byte> payload;

  /// The credit that a kCredit frame gives, in bytes, or the number of a kSignal.
  [[nodiscard]] std::uint32_t number() const noexcept {
    return protocol::detail::load<std::uint32_t>(payload.data());
  }

  /// The size that a kWindowSize frame names.
  [[nodiscard]] protocol::TerminalSize size() const noexcept {
    return {.rows = protocol::detail::load<std::uint16_t>(payload.data()),
            .columns = protocol::detail::load<std::uint16_t>(payload.data() + 2)};
  }
};

/// Cuts the host's bytes, after the launch request, into frames. Bounded: holds one frame of the largest
/// size.
class FrameReader {
 public:
  /// Where the next bytes go; never empty after next() has given nothing.
  [[nodiscard]] std::span<std::byte> space() noexcept;

  /// `count` bytes have been put into space().
  void filled(std::size_t count) noexcept { end_ += count; }

  /// The next whole frame, or nothing when more bytes are needed or fault() is set.
  [[nodiscard]] std::optional<HostFrame> next() noexcept;

  /// Why the bytes are no frames, empty while they are. Final.
  [[nodiscard]] std::string_view fault() const noexcept { return fault_; }

 private:
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::string_view fault_;
  std::array<std::byte, sizeof(protocol::FrameHeader) + protocol::kDataBytesMax> bytes_;
};

}  // namespace mayfly::init
