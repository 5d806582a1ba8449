// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

namespace mayfly {

/// A bounded ring of bytes in somebody else's memory, between one producer and one consumer. The caller
/// locks; spans handed out stay valid without the lock until their owner gives them back by produced() or
/// consumed(). The memory is only touched as bytes come, from its front when the ring was empty.
class ByteRing {
 public:
  ByteRing() noexcept = default;
  explicit ByteRing(std::span<std::byte> memory) noexcept : memory_(memory) {}

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t room() const noexcept { return memory_.size() - size_; }

  /// Free bytes in one piece; empty when the ring is full.
  [[nodiscard]] std::span<std::byte> space() noexcept {
    if (size_ == 0) {
      begin_ = 0;
    }
    const std::size_t end = begin_ + size_;
    const std::size_t at = end < memory_.size() ? end : end - memory_.size();
    return memory_.subspan(at, std::min(memory_.size() - at, room()));
  }
  /// The first `count` bytes of space() hold data now.
  void produced(std::size_t count) noexcept { size_ += count; }

  /// The oldest bytes in one piece; empty when the ring is.
  [[nodiscard]] std::span<const std::byte> front() const noexcept {
    return memory_.subspan(begin_, std::min(memory_.size() - begin_, size_));
  }
  /// The first `count` bytes of front() are done with.
  void consumed(std::size_t count) noexcept {
    begin_ += count;
    begin_ = begin_ < memory_.size() ? begin_ : begin_ - memory_.size();
    size_ -= count;
  }
  void clear() noexcept { size_ = 0; }

  /// Copies in what fits of `from`; how much that was.
  std::size_t put(std::span<const std::byte> from) noexcept {
    std::size_t done = 0;
    while (done < from.size() && room() != 0) {
      const std::span<std::byte> to = space();
      const std::size_t count = std::min(to.size(), from.size() - done);
      std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(done), count, to.begin());
      produced(count);
      done += count;
    }
    return done;
  }

  /// Copies out as much as there is and `to` takes; how much that was.
  std::size_t take(std::span<std::byte> to) noexcept {
    std::size_t done = 0;
    while (done < to.size() && size_ != 0) {
      const std::span<const std::byte> from = front();
      const std::size_t count = std::min(from.size(), to.size() - done);
      std::copy_n(from.begin(), count, to.begin() + static_cast<std::ptrdiff_t>(done));
      consumed(count);
      done += count;
    }
    return done;
  }

 private:
  std::span<std::byte> memory_;
  std::size_t begin_ = 0;
  std::size_t size_ = 0;
};

}  // namespace mayfly
