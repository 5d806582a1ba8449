// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "guest-init/protocol/frame.hpp"
#include "io/port_backend.hpp"

namespace mayfly::vmm::testing {

/// One frame as bytes.
inline std::vector<std::byte> frame(protocol::FrameType type, protocol::Stream stream,
                                    std::span<const std::byte> payload) {
  const protocol::FrameHeader header{type, stream, 0, static_cast<std::uint32_t>(payload.size())};
  const std::span<const std::byte> head = std::as_bytes(std::span(&header, 1));
  std::vector<std::byte> bytes(head.begin(), head.end());
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  return bytes;
}

inline std::vector<std::byte> frame(protocol::FrameType type, protocol::Stream stream = {},
                                    std::string_view payload = {}) {
  return frame(type, stream, std::as_bytes(std::span(payload)));
}

inline std::vector<std::byte> credit_frame(protocol::Stream stream, std::uint32_t bytes) {
  return frame(protocol::FrameType::kCredit, stream, std::as_bytes(std::span(&bytes, 1)));
}

inline std::vector<std::byte> exit_frame(protocol::ExitKind kind, std::uint32_t value,
                                         std::string_view message = {}) {
  const protocol::ExitReport report{kind, value};
  const std::span<const std::byte> head = std::as_bytes(std::span(&report, 1));
  const std::span<const std::byte> text = std::as_bytes(std::span(message));
  std::vector<std::byte> payload(head.begin(), head.end());
  payload.insert(payload.end(), text.begin(), text.end());
  return frame(protocol::FrameType::kExit, {}, payload);
}

/// A frame that the host sent.
struct HostFrame {
  protocol::FrameType type;
  protocol::Stream stream;
  std::vector<std::byte> payload;

  [[nodiscard]] std::uint32_t word() const {
    std::uint32_t value = 0;
    std::memcpy(&value, payload.data(), std::min(sizeof(value), payload.size()));
    return value;
  }
};

/// Console device, guest kernel and init in one: what stands on the other side of a port's back end. Takes
/// what the host sends whenever it is woken, in buffers of one page. All calls are thread-safe.
class FakeGuest {
 public:
  /// Called for each frame of the host, with the device's lock held.
  using OnFrame = std::function<void(const HostFrame&)>;

  /// Back end and guest need each other: the guest comes first.
  void connect(io::PortBackend& host) { host_ = &host; }
  void on_frame(OnFrame on_frame) { on_frame_ = std::move(on_frame); }
  /// How large the buffers are that the guest offers.
  void set_buffer_bytes(std::size_t bytes) { buffer_.resize(bytes); }

  /// The session's `wake`.
  void wake() {
    const std::lock_guard lock(device_);
    pull();
  }

  /// Sends bytes, then takes what the host has to say.
  void send(std::span<const std::byte> bytes) {
    const std::lock_guard lock(device_);
    host_->from_guest(bytes);
    pull();
  }

  /// Blocks until `condition`, which is looked at under the device's lock after each frame, is true.
  void wait(const std::function<bool(const std::vector<HostFrame>&)>& condition) {
    std::unique_lock lock(device_);
    changed_.wait(lock, [&] { return condition(frames_); });
  }

  /// All frames so far, without those that the callback took away by drop_frames().
  [[nodiscard]] std::vector<HostFrame> frames() {
    const std::lock_guard lock(device_);
    return frames_;
  }

  /// Frames are only given to the callback, not kept.
  void drop_frames() { keep_ = false; }

 private:
  void pull() {
    for (std::size_t count = 0; (count = host_->to_guest(buffer_)) != 0;) {
      inbox_.insert(inbox_.end(), buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(count));
      take_frames();
    }
  }

  void take_frames() {
    std::size_t at = 0;
    protocol::FrameHeader header{};
    while (inbox_.size() - at >= sizeof(header)) {
      std::memcpy(&header, inbox_.data() + at, sizeof(header));
      if (inbox_.size() - at - sizeof(header) < header.payload_bytes) {
        break;
      }
      const auto begin = inbox_.begin() + static_cast<std::ptrdiff_t>(at + sizeof(header));
      const HostFrame frame{header.type, header.stream, {begin, begin + header.payload_bytes}};
      at += sizeof(header) + header.payload_bytes;
      if (on_frame_) {
        on_frame_(frame);
      }
      if (keep_) {
        frames_.push_back(frame);
      }
    }
    inbox_.erase(inbox_.begin(), inbox_.begin() + static_cast<std::ptrdiff_t>(at));
    changed_.notify_all();
  }

  io::PortBackend* host_ = nullptr;
  OnFrame on_frame_;
  bool keep_ = true;
  std::mutex device_;
  std::condition_variable changed_;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(4096);
  std::vector<std::byte> inbox_;
  std::vector<HostFrame> frames_;
};

}  // namespace mayfly::vmm::testing
