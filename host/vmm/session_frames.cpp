// SPDX-License-Identifier: Apache-2.0
#include "vmm/session_frames.hpp"

#include <algorithm>
#include <cstring>

namespace mayfly::vmm {
namespace {

using protocol::FrameHeader;
using protocol::FrameType;
using protocol::Stream;

std::optional<FrameFault> check_stream(const FrameHeader& header) noexcept {
  bool allowed = false;
  switch (header.type) {
    case FrameType::kData:
      allowed = header.stream == Stream::kStdout || header.stream == Stream::kStderr;
      break;
    case FrameType::kClose:
      allowed = header.stream <= Stream::kStderr;
      break;
    case FrameType::kCredit:
      allowed = header.stream == Stream::kStdin;
      break;
    case FrameType::kExit:
      allowed = header.stream == Stream{};
      break;
    default:
      return FrameFault::kBadType;
  }
  return allowed ? std::nullopt : std::optional(FrameFault::kBadStream);
}

bool length_allowed(const FrameHeader& header) noexcept {
  const std::uint32_t bytes = header.payload_bytes;
  switch (header.type) {
    case FrameType::kData:
      return bytes >= 1 && bytes <= protocol::kDataBytesMax;
    case FrameType::kCredit:
      return bytes == sizeof(std::uint32_t);
    case FrameType::kExit:
      return bytes >= sizeof(protocol::ExitReport) &&
             bytes <= sizeof(protocol::ExitReport) + protocol::kMessageBytesMax;
    default:
      return bytes == 0;
  }
}

std::optional<FrameFault> check(const FrameHeader& header) noexcept {
  if (const auto fault = check_stream(header); fault.has_value()) {
    return fault;
  }
  if (header.zero != 0) {
    return FrameFault::kReservedNotZero;
  }
  return length_allowed(header) ? std::nullopt : std::optional(FrameFault::kBadLength);
}

}  // namespace

std::string_view describe(FrameFault fault) noexcept {
  switch (fault) {
    case FrameFault::kBadType:
      return "sent a frame of unknown type";
    case FrameFault::kBadStream:
      return "sent a frame for a stream that it cannot be for";
    case FrameFault::kReservedNotZero:
      return "sent a frame whose reserved field is not zero";
    case FrameFault::kBadLength:
      return "sent a frame of a length that its type cannot have";
    case FrameFault::kBadExitReport:
      return "sent an exit report that makes no sense";
    case FrameFault::kDataBeyondCredit:
      return "sent more data than it had credit for";
    case FrameFault::kCreditBeyondData:
      return "returned more credit than it got data";
    case FrameFault::kAfterClose:
      return "sent a frame for a stream that it had closed";
    case FrameFault::kAfterExit:
      return "sent a frame after its exit report";
  }
  return "broke the protocol";
}

void FrameReader::collect(std::span<const std::byte>& input, std::size_t wanted) noexcept {
  const std::size_t taken = std::min(wanted - held_bytes_, input.size());
  std::copy_n(input.begin(), taken, held_.begin() + static_cast<std::ptrdiff_t>(held_bytes_));
  held_bytes_ += taken;
  input = input.subspan(taken);
}

std::optional<FramePiece> FrameReader::next_data(std::span<const std::byte>& input) noexcept {
  const std::size_t taken = std::min<std::size_t>(data_left_, input.size());
  if (taken == 0) {
    return std::nullopt;
  }
  const FramePiece piece{header_.type, header_.stream, input.first(taken)};
  input = input.subspan(taken);
  data_left_ -= static_cast<std::uint32_t>(taken);
  in_frame_ = data_left_ != 0;
  return piece;
}

Result<std::optional<FramePiece>, FrameFault> FrameReader::next(std::span<const std::byte>& input) noexcept {
  if (!in_frame_) {
    collect(input, sizeof(header_));
    if (held_bytes_ < sizeof(header_)) {
      return std::nullopt;
    }
    std::memcpy(&header_, held_.data(), sizeof(header_));
    held_bytes_ = 0;
    if (const auto fault = check(header_); fault.has_value()) {
      return unexpected(*fault);
    }
    in_frame_ = true;
    data_left_ = header_.payload_bytes;
  }
  if (header_.type == FrameType::kData) {
    return next_data(input);
  }
  collect(input, header_.payload_bytes);
  if (held_bytes_ < header_.payload_bytes) {
    return std::nullopt;
  }
  held_bytes_ = 0;
  in_frame_ = false;
  return FramePiece{header_.type, header_.stream, std::span(held_).first(header_.payload_bytes)};
}

}  // namespace mayfly::vmm
