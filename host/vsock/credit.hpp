// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

/// Flow control of a connection (virtio 1.2, 5.10.6.3): each side tells the other how large its receive
/// buffer is and how many bytes it has passed on from there. Counters are modulo 2^32.
namespace mayfly::vsock {

/// How much may be sent to the guest.
class SendCredit {
 public:
  /// The guest told its two numbers. What it cannot mean, having passed on more than was sent or less than it
  /// said before, is not taken over: it gets no more for it.
  void told(std::uint32_t buffer_bytes, std::uint32_t forwarded_bytes) noexcept {
    buffer_bytes_ = buffer_bytes;
    if (sent_ - forwarded_bytes <= sent_ - forwarded_) {
      forwarded_ = forwarded_bytes;
    }
  }
  /// `bytes`, at most available(), are on their way.
  void sent(std::uint32_t bytes) noexcept { sent_ += bytes; }
  [[nodiscard]] std::uint32_t available() const noexcept {
    const std::uint32_t under_way = sent_ - forwarded_;
    return under_way < buffer_bytes_ ? buffer_bytes_ - under_way : 0;
  }

 private:
  std::uint32_t buffer_bytes_ = 0;
  std::uint32_t sent_ = 0;
  std::uint32_t forwarded_ = 0;
};

/// How much the guest may send.
class ReceiveCredit {
 public:
  /// Of each connection. As much as the largest packet that Linux makes (VIRTIO_VSOCK_MAX_PKT_BUF_SIZE).
  static constexpr std::uint32_t kBufferBytes = 64 * 1024;

  /// `bytes` came. False when that is more than there is room for: then they are not counted.
  [[nodiscard]] bool received(std::uint32_t bytes) noexcept {
    if (bytes > kBufferBytes - (received_ - forwarded_)) {
      return false;
    }
    received_ += bytes;
    return true;
  }
  /// `bytes` of them were passed on.
  void forwarded(std::uint32_t bytes) noexcept { forwarded_ += bytes; }

  /// The guest may think that less than half of the buffer is free, and would be wrong. Its kernel waits for
  /// a packet of ours only when it has no room at all, so it is told in time.
  [[nodiscard]] bool should_tell() const noexcept {
    return forwarded_ != told_ && received_ - told_ > kBufferBytes / 2;
  }
  /// What the next packet tells.
  [[nodiscard]] std::uint32_t tell() noexcept { return told_ = forwarded_; }

 private:
  std::uint32_t received_ = 0;
  std::uint32_t forwarded_ = 0;
  std::uint32_t told_ = 0;
};

}  // namespace mayfly::vsock
