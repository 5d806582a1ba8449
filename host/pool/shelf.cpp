// SPDX-License-Identifier: Apache-2.0
#include "pool/shelf.hpp"

#include <algorithm>
#include <utility>

#include "base/error.hpp"

namespace mayfly::pool {

ShelfStatus Shelf::status() const noexcept {
  return {.bytes = spec_.kind.bytes,
          .pages = static_cast<std::uint32_t>(spec_.kind.pages),
          .node = spec_.kind.node.value_or(WireRequest::kNoNode),
          .ready = static_cast<std::uint32_t>(ready_.size()),
          .lent = lent_,
          .on_the_way = filling_ + leaving_,
          .count = spec_.count,
          .most = spec_.most,
          .filled = filled_,
          .handed_out = handed_out_,
          .handed_out_late = handed_out_late_};
}

bool Shelf::wants_fill(std::uint32_t waiting) const noexcept {
  const auto there = static_cast<std::uint32_t>(ready_.size()) + filling_;
  return !holds_off_ && there < std::max(spec_.count, waiting) && there + lent_ + leaving_ < spec_.most;
}

void Shelf::filled(Fd memory) {
  MAYFLY_ASSERT(filling_ > 0);
  --filling_;
  ready_.push_back(std::move(memory));
  why_.clear();
  ++filled_;
}

void Shelf::failed(std::string why) {
  MAYFLY_ASSERT(filling_ > 0);
  --filling_;
  why_ = std::move(why);
  holds_off_ = true;
}

bool Shelf::may_get_more() const noexcept {
  return filling_ + leaving_ > 0 || (!holds_off_ && lent_ + ready_.size() < spec_.most);
}

Fd Shelf::lend(bool late) noexcept {
  MAYFLY_ASSERT(!ready_.empty());
  Fd memory = std::move(ready_.front());
  ready_.pop_front();
  ++lent_;
  ++handed_out_;
  handed_out_late_ += late ? 1U : 0U;
  return memory;
}

void Shelf::take_back() noexcept {
  MAYFLY_ASSERT(lent_ > 0);
  --lent_;
  ++leaving_;
}

}  // namespace mayfly::pool
