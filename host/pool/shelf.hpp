// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>

#include "base/fd.hpp"
#include "memory/lendable.hpp"
#include "pool/messages.hpp"

namespace mayfly::pool {

/// One kind of memory that a pool keeps.
struct ShelfSpec {
  MemoryKind kind{};
  /// What is kept ready.
  std::uint32_t count = 1;
  /// What there is at most, lent memory included.
  std::uint32_t most = 1;
};

/// Memory of one kind, and what has become of it. Each piece is a file of its own, which goes to one tenant
/// and never to another:
///
/// ```
///   begin_fill ──> on the way ──filled──> ready ──lend──> lent ──take_back──> on the way ──gone──> (no more)
///                       └──failed──> (no more)
/// ```
///
/// Pure: fills nothing and has no clock. One thread.
class Shelf {
 public:
  explicit Shelf(const ShelfSpec& spec) noexcept : spec_(spec) {}

  [[nodiscard]] const ShelfSpec& spec() const noexcept { return spec_; }
  [[nodiscard]] const MemoryKind& kind() const noexcept { return spec_.kind; }
  [[nodiscard]] ShelfStatus status() const noexcept;
  [[nodiscard]] bool fits(const MemoryRequest& request) const noexcept {
    return spec_.kind.fits(request.bytes, request.pages);
  }

  /// Whether another piece is to be filled, while as many clients wait.
  [[nodiscard]] bool wants_fill(std::uint32_t waiting) const noexcept;
  void begin_fill() noexcept { ++filling_; }
  void filled(Fd memory);
  /// Why: for who waits. Nothing is filled until retry().
  void failed(std::string why);
  void retry() noexcept { holds_off_ = false; }
  /// Why the last piece could not be filled; empty once one was.
  [[nodiscard]] const std::string& why() const noexcept { return why_; }

  [[nodiscard]] bool has_ready() const noexcept { return !ready_.empty(); }
  [[nodiscard]] bool is_full() const noexcept { return ready_.size() >= spec_.count; }
  /// Whether waiting for a piece makes sense: one is on the way, or there may be one more.
  [[nodiscard]] bool may_get_more() const noexcept;
  /// The piece that has waited longest.
  [[nodiscard]] Fd lend(bool late) noexcept;
  /// The tenant has gone; the piece is to be given back to the host.
  void take_back() noexcept;
  /// It was.
  void gone() noexcept { --leaving_; }

 private:
  ShelfSpec spec_;
  std::deque<Fd> ready_{};
  std::uint32_t filling_ = 0;
  std::uint32_t lent_ = 0;
  std::uint32_t leaving_ = 0;
  bool holds_off_ = false;
  std::string why_{};
  std::uint64_t filled_ = 0;
  std::uint64_t handed_out_ = 0;
  std::uint64_t handed_out_late_ = 0;
};

}  // namespace mayfly::pool
