// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>

namespace mayfly::vmm {

/// A bounded ring of bytes between one producer and one consumer. The caller locks; spans handed out stay
/// valid without the lock until their owner gives them back by produced() or consumed().
class StdioRing {
 public:
  /// The memory is only touched as bytes come, from its front when the ring was empty.
  explicit StdioRing(std::size_t capacity)
      : bytes_(std::make_unique_for_overwrite<std::byte[]>(capacity)), capacity_(capacity) {}

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t room() const noexcept { return capacity_ - size_; }

  /// Free bytes in one piece; empty when the ring is full.
  [[nodiscard]] std::span<std::byte> space() noexcept {
    if (size_ == 0) {
      begin_ = 0;
    }
    const std::size_t end = begin_ + size_;
    const std::size_t at = end < capacity_ ? end : end - capacity_;
    return {bytes_.get() + at, std::min(capacity_ - at, room())};
  }
  /// The first `count` bytes of space() hold data now.
  void produced(std::size_t count) noexcept { size_ += count; }

  /// The oldest bytes in one piece; empty when the ring is.
  [[nodiscard]] std::span<const std::byte> front() const noexcept {
    return {bytes_.get() + begin_, std::min(capacity_ - begin_, size_)};
  }
  /// The first `count` bytes of front() are done with.
  void consumed(std::size_t count) noexcept {
    begin_ += count;
    begin_ = begin_ < capacity_ ? begin_ : begin_ - capacity_;
    size_ -= count;
  }

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
  std::unique_ptr<std::byte[]> bytes_;
  std::size_t capacity_;
  std::size_t begin_ = 0;
  std::size_t size_ = 0;
};

}  // namespace mayfly::vmm
