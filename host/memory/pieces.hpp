// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>

namespace mayfly {

/// A part of a range, bytes from the range's begin on.
struct Piece {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

/// Hands a range out in pieces, in ascending order and each once, to threads that share the work. Any thread.
class Pieces {
 public:
  /// The last piece may be smaller than the others.
  Pieces(std::uint64_t bytes, std::uint64_t piece_bytes) noexcept : bytes_(bytes), piece_(piece_bytes) {}

  [[nodiscard]] std::optional<Piece> take() noexcept {
    // Beyond the end it grows by a piece for each thread, no more.
    if (next_.load(std::memory_order_relaxed) >= bytes_) {
      return std::nullopt;
    }
    const std::uint64_t offset = next_.fetch_add(piece_, std::memory_order_relaxed);
    return offset < bytes_ ? std::optional(Piece{offset, std::min(piece_, bytes_ - offset)}) : std::nullopt;
  }
  /// How many there are in all.
  [[nodiscard]] std::uint64_t count() const noexcept { return (bytes_ + piece_ - 1) / piece_; }
  /// Nothing more is handed out.
  void stop() noexcept { next_.store(bytes_, std::memory_order_relaxed); }

 private:
  std::uint64_t bytes_;
  std::uint64_t piece_;
  std::atomic<std::uint64_t> next_{0};
};

}  // namespace mayfly
