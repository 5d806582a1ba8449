// SPDX-License-Identifier: Apache-2.0
#include "guest-init/input_stream.hpp"

#include <algorithm>
#include <cstring>

namespace mayfly::init {
namespace {
constexpr std::uint32_t kCreditPiece = protocol::kInitialCredit / 4;
}

bool InputStream::receive(std::span<const std::byte> bytes) noexcept {
  if (host_closed_ || bytes.size() > credit_) {
    return false;
  }
  credit_ -= static_cast<std::uint32_t>(bytes.size());
  if (state_ != State::kOpen) {
    return true;
  }
  const std::size_t end = (begin_ + size_) % bytes_.size();
  const std::size_t first = std::min(bytes.size(), bytes_.size() - end);
  std::memcpy(bytes_.data() + end, bytes.data(), first);
  std::memcpy(bytes_.data(), bytes.data() + first, bytes.size() - first);
  size_ += bytes.size();
  return true;
}

bool InputStream::close_by_host() noexcept {
  if (host_closed_) {
    return false;
  }
  host_closed_ = true;
  if (state_ == State::kOpen) {
    state_ = size_ == 0 ? State::kEnded : State::kEnding;
  }
  return true;
}

void InputStream::drop() noexcept {
  state_ = State::kEnded;
  size_ = 0;
}

std::span<const std::byte> InputStream::front() const noexcept {
  return {bytes_.data() + begin_, std::min(size_, bytes_.size() - begin_)};
}

void InputStream::taken(std::size_t count) noexcept {
  last_taken_ = static_cast<char>(bytes_[begin_ + count - 1]);
  size_ -= count;
  // An empty ring starts anew: little input then stays within its first page.
  begin_ = size_ == 0 ? 0 : (begin_ + count) % bytes_.size();
  due_ += static_cast<std::uint32_t>(count);
  if (state_ == State::kEnding && size_ == 0) {
    state_ = State::kEnded;
  }
}

std::uint32_t InputStream::credit_due() const noexcept {
  return state_ == State::kOpen && due_ >= kCreditPiece ? due_ : 0;
}

void InputStream::credit_given() noexcept {
  credit_ += due_;
  due_ = 0;
}

}  // namespace mayfly::init
