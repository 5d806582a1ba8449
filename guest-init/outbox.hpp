// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>

#include "guest-init/protocol/frame.hpp"

namespace mayfly::init {

/// Frames on their way to the host. Bounded: who adds frames waits while there is no room.
class Outbox {
 public:
  /// Most bytes of one data frame: with its header it is one write of the port driver, which takes 32 KiB.
  static constexpr std::size_t kDataPayload = protocol::kDataBytesMax - sizeof(protocol::FrameHeader);

  /// What is not yet sent.
  [[nodiscard]] std::span<const std::byte> pending() const noexcept {
    return {bytes_.data() + begin_, end_ - begin_};
  }

  /// Drops the first `count` bytes of pending().
  void sent(std::size_t count) noexcept {
    begin_ += count;
    if (begin_ == end_) {
      begin_ = end_ = 0;
    }
  }

  /// Adds a frame other than data and exit; false when there is no room now.
  [[nodiscard]] bool add(protocol::FrameType type, protocol::Stream stream,
                         std::span<const std::byte> payload) noexcept {
    if (!make_room(sizeof(protocol::FrameHeader) + payload.size(), kExitRoom)) {
      return false;
    }
    put_header(type, stream, payload.size());
    put(payload);
    return true;
  }

  /// Room for the payload of a data frame, kDataPayload bytes; empty when there is none now.
  [[nodiscard]] std::span<std::byte> begin_data() noexcept {
    if (!make_room(sizeof(protocol::FrameHeader) + kDataPayload, kControlRoom)) {
      return {};
    }
    return {bytes_.data() + end_ + sizeof(protocol::FrameHeader), kDataPayload};
  }

  /// Makes the first `count` bytes (at least one) of begin_data() a data frame.
  void end_data(protocol::Stream stream, std::size_t count) noexcept {
    put_header(protocol::FrameType::kData, stream, count);
    end_ += count;
  }

  /// Adds the exit frame, for which there is always room, once.
  void add_exit(protocol::ExitReport report, std::string_view message) noexcept {
    message = {message.data(), std::min(message.size(), protocol::kMessageBytesMax)};
    if (!make_room(kExitRoom, 0)) {
      return;
    }
    put_header(protocol::FrameType::kExit, protocol::Stream::kStdin, sizeof(report) + message.size());
    put(std::as_bytes(std::span(&report, 1)));
    put(std::as_bytes(std::span(message)));
  }

 private:
  static constexpr std::size_t kExitRoom =
      sizeof(protocol::FrameHeader) + sizeof(protocol::ExitReport) + protocol::kMessageBytesMax;
  static constexpr std::size_t kControlRoom = kExitRoom + 256;
  static constexpr std::size_t kBytes = 2 * protocol::kDataBytesMax + kControlRoom;

  /// True when `count` bytes fit and `reserve` bytes remain.
  [[nodiscard]] bool make_room(std::size_t count, std::size_t reserve) noexcept {
    if (pending().size() + count + reserve > kBytes) {
      return false;
    }
    if (end_ + count + reserve > kBytes) {
      std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    return true;
  }

  void put_header(protocol::FrameType type, protocol::Stream stream, std::size_t payload_bytes) noexcept {
    const protocol::FrameHeader header{.type = type,
                                       .stream = stream,
                                       .zero = 0,
                                       .payload_bytes = static_cast<std::uint32_t>(payload_bytes)};
    put(std::as_bytes(std::span(&header, 1)));
  }

  void put(std::span<const std::byte> bytes) noexcept {
    std::copy(bytes.begin(), bytes.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(end_));
    end_ += bytes.size();
  }

  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::array<std::byte, kBytes> bytes_;
};

}  // namespace mayfly::init
