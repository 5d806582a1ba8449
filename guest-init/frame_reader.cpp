// SPDX-License-Identifier: Apache-2.0
#include "guest-init/frame_reader.hpp"

#include <cstring>

namespace mayfly::init {
namespace {

using protocol::FrameHeader;
using protocol::FrameType;
using protocol::Stream;

/// What is wrong with a header; empty when nothing is.
[[nodiscard]] std::string_view check_header(const FrameHeader& header) noexcept {
  if (header.zero != 0) {
    return "frame has a reserved field that is not zero";
  }
  const bool stdin_only = header.stream == Stream::kStdin;
  const bool output = header.stream == Stream::kStdout || header.stream == Stream::kStderr;
  bool stream_fits = false;
  bool length_fits = false;
  switch (header.type) {
    case FrameType::kData:
      stream_fits = stdin_only;
      length_fits = header.payload_bytes >= 1 && header.payload_bytes <= protocol::kDataBytesMax;
      break;
    case FrameType::kClose:
      stream_fits = stdin_only || output;
      length_fits = header.payload_bytes == 0;
      break;
    case FrameType::kCredit:
      stream_fits = output;
      length_fits = header.payload_bytes == 4;
      break;
    case FrameType::kSignal:
    case FrameType::kWindowSize:
      stream_fits = header.stream == Stream{0};
      length_fits = header.payload_bytes == 4;
      break;
    case FrameType::kLaunch:
      return "second launch request";
    case FrameType::kExit:
    default:
      return "frame of unknown type";
  }
  if (!stream_fits) {
    return "frame names a stream that it cannot have";
  }
  return length_fits ? std::string_view() : "frame has a wrong length";
}

/// Signals are numbered 1 to 64.
constexpr std::uint32_t kSignalMax = 64;

}  // namespace

std::span<std::byte> FrameReader::space() noexcept {
  if (begin_ != 0) {
    std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  return {bytes_.data() + end_, bytes_.size() - end_};
}

std::optional<HostFrame> FrameReader::next() noexcept {
  if (!fault_.empty() || end_ - begin_ < sizeof(FrameHeader)) {
    return std::nullopt;
  }
  const auto header = protocol::detail::load<FrameHeader>(bytes_.data() + begin_);
  fault_ = check_header(header);
  if (!fault_.empty() || end_ - begin_ - sizeof(FrameHeader) < header.payload_bytes) {
    return std::nullopt;
  }
  const HostFrame frame{.type = header.type,
                        .stream = header.stream,
                        .payload = {bytes_.data() + begin_ + sizeof(FrameHeader), header.payload_bytes}};
  begin_ += sizeof(FrameHeader) + header.payload_bytes;
  if (frame.type == FrameType::kSignal && (frame.number() == 0 || frame.number() > kSignalMax)) {
    fault_ = "frame names no signal";
    return std::nullopt;
  }
  return frame;
}

}  // namespace mayfly::init
