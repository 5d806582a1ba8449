// SPDX-License-Identifier: Apache-2.0
#include "vmm/session_outbox.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace mayfly::vmm {
namespace {

using protocol::FrameHeader;
using protocol::FrameType;
using protocol::Stream;

template <typename T>
std::span<const std::byte> bytes_of(const T& value) noexcept {
  return std::as_bytes(std::span(&value, 1));
}

}  // namespace

void SessionOutbox::credit(Stream stream, std::uint32_t bytes) noexcept {
  credit_[static_cast<std::size_t>(stream)] += bytes;
}

void SessionOutbox::close(Stream stream) noexcept {
  closing_[static_cast<std::size_t>(stream)].wanted = true;
}

void SessionOutbox::signal(int number) noexcept { signals_ |= 1ULL << static_cast<unsigned>(number - 1); }

bool SessionOutbox::pending() const noexcept {
  return signals_ != 0 || window_size_.has_value() ||
         std::ranges::any_of(credit_, [](std::uint32_t credit) { return credit >= kCreditLot; }) ||
         std::ranges::any_of(closing_,
                             [](const Closing& closing) { return closing.wanted && !closing.said; });
}

void SessionOutbox::stage(FrameType type, Stream stream, std::span<const std::byte> payload) noexcept {
  const FrameHeader header{type, stream, 0, static_cast<std::uint32_t>(payload.size())};
  std::memcpy(head_.data(), &header, sizeof(header));
  std::copy(payload.begin(), payload.end(), head_.begin() + sizeof(header));
  head_bytes_ = sizeof(header) + payload.size();
  head_sent_ = 0;
}

void SessionOutbox::stage_body(FrameType type, Body body, std::size_t bytes) noexcept {
  stage(type, Stream{}, {});  // neither kLaunch nor data of stdin has a stream number other than 0
  const auto length = static_cast<std::uint32_t>(bytes);
  std::memcpy(head_.data() + offsetof(FrameHeader, payload_bytes), &length, sizeof(length));
  body_ = body;
  body_left_ = bytes;
}

bool SessionOutbox::stage_output_side() noexcept {
  for (const Stream stream : {Stream::kStdout, Stream::kStderr}) {
    const auto index = static_cast<std::size_t>(stream);
    if (credit_[index] >= kCreditLot) {
      stage(FrameType::kCredit, stream, bytes_of(credit_[index]));
      credit_[index] = 0;
      return true;
    }
    if (closing_[index].wanted && !closing_[index].said) {
      stage(FrameType::kClose, stream, {});
      closing_[index].said = true;
      return true;
    }
  }
  return false;
}

bool SessionOutbox::stage_input(StdioReader& input) noexcept {
  if (const std::size_t available = input.available(); available != 0) {
    stage_body(FrameType::kData, Body::kInput, std::min(available, protocol::kDataBytesMax));
    return true;
  }
  if (!input_end_said_ && input.ended()) {
    input_end_said_ = true;
    stage(FrameType::kClose, Stream::kStdin, {});
    return true;
  }
  return false;
}

bool SessionOutbox::stage_next(StdioReader& input) noexcept {
  if (!launched()) {
    stage_body(FrameType::kLaunch, Body::kLaunch, launch_.size());
    return true;
  }
  if (signals_ != 0) {
    const auto bit = static_cast<std::uint32_t>(std::countr_zero(signals_));
    signals_ &= signals_ - 1;
    const std::uint32_t number = bit + 1;
    stage(FrameType::kSignal, Stream{}, bytes_of(number));
    return true;
  }
  if (window_size_.has_value()) {
    const std::array<std::uint16_t, 2> payload{window_size_->rows, window_size_->columns};
    window_size_.reset();
    stage(FrameType::kWindowSize, Stream{}, std::as_bytes(std::span(payload)));
    return true;
  }
  return stage_output_side() || stage_input(input);
}

std::size_t SessionOutbox::copy_body(std::span<std::byte> to, StdioReader& input) noexcept {
  std::span<std::byte> part = to.first(std::min(to.size(), body_left_));
  if (body_ == Body::kLaunch) {
    std::copy_n(launch_.end() - static_cast<std::ptrdiff_t>(body_left_), part.size(), part.begin());
  } else {
    part = part.first(input.take(part));
  }
  body_left_ -= part.size();
  if (body_left_ == 0 && body_ == Body::kLaunch) {
    launch_ = {};
  }
  return part.size();
}

std::size_t SessionOutbox::fill(std::span<std::byte> buffer, StdioReader& input) noexcept {
  std::size_t filled = 0;
  while (filled < buffer.size()) {
    const std::span<std::byte> rest = buffer.subspan(filled);
    if (head_sent_ < head_bytes_) {
      const std::size_t count = std::min(rest.size(), head_bytes_ - head_sent_);
      std::copy_n(head_.begin() + static_cast<std::ptrdiff_t>(head_sent_), count, rest.begin());
      head_sent_ += count;
      filled += count;
    } else if (body_left_ != 0) {
      filled += copy_body(rest, input);
    } else if (!stage_next(input)) {
      break;
    }
  }
  return filled;
}

}  // namespace mayfly::vmm
