// SPDX-License-Identifier: Apache-2.0
#include "vfio/waiting.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace mayfly::vfio {

Waiting::Waiting() : due_(HeldMemory::kReleasesMax + kRequestsMax) {
  releases_.reserve(HeldMemory::kReleasesMax);
  requests_.reserve(kRequestsMax);
}

void Waiting::add_release(PieceIndex first, PieceIndex last, PieceIndex left, std::uint64_t now,
                          Done done) noexcept {
  MAYFLY_ASSERT(!full() && left != 0);
  releases_.push_back({first, last, left, now, done});
}

void Waiting::piece_mapped(PieceIndex piece, std::uint64_t now, Latency& latency) noexcept {
  for (Release& release : releases_) {
    if (release.first <= piece && piece <= release.last && --release.left == 0) {
      latency.add(now - release.since);
      make_due({release.done, std::nullopt});
    }
  }
  std::erase_if(releases_, [](const Release& release) { return release.left == 0; });
}

void Waiting::add_request(For what, std::uint64_t bytes, std::uint64_t now, Done done) noexcept {
  const auto is_same = [what, &done](For other, const Done& by) {
    return other == what && by.owner == done.owner && by.cookie == done.cookie;
  };
  keep_due([&](const Due& due) { return !due.what.has_value() || !is_same(*due.what, due.done); });
  for (Request& request : requests_) {
    if (is_same(request.what, request.done)) {
      request = {what, bytes, request.since, done};
      return;
    }
  }
  MAYFLY_ASSERT(requests_.size() < kRequestsMax);
  requests_.push_back({what, bytes, now, done});
  count_requests();
}

void Waiting::satisfy(For what, std::uint64_t bytes, std::uint64_t now, Latency* latency) noexcept {
  if (!waits_for(what)) {
    return;
  }
  std::erase_if(requests_, [&](const Request& request) {
    if (request.what != what || request.bytes > bytes) {
      return false;
    }
    if (latency != nullptr) {
      latency->add(now - request.since);
    }
    make_due({request.done, what});
    return true;
  });
  count_requests();
}

std::optional<HeldMemory::Done> Waiting::take_due() noexcept {
  if (due_count_ == 0) {
    return std::nullopt;
  }
  const Done done = due_[due_begin_].done;
  due_begin_ = (due_begin_ + 1) % due_.size();
  --due_count_;
  return done;
}

void Waiting::forget(const void* owner) noexcept {
  for (Release& release : releases_) {
    if (release.done.owner == owner) {
      release.done.call = nullptr;
    }
  }
  std::erase_if(requests_, [owner](const Request& request) { return request.done.owner == owner; });
  count_requests();
  keep_due([owner](const Due& due) { return due.done.owner != owner; });
}

void Waiting::make_due(const Due& due) noexcept {
  if (due.done.call == nullptr) {
    return;
  }
  MAYFLY_ASSERT(due_count_ < due_.size());
  due_[(due_begin_ + due_count_) % due_.size()] = due;
  ++due_count_;
}

// Once around the ring: what stays goes back to its end.
template <typename Keep>
void Waiting::keep_due(const Keep& keep) noexcept {
  for (std::size_t left = due_count_; left != 0; --left) {
    const Due due = due_[due_begin_];
    due_begin_ = (due_begin_ + 1) % due_.size();
    --due_count_;
    if (keep(due)) {
      make_due(due);
    }
  }
}

void Waiting::count_requests() noexcept {
  waiting_for_ = {};
  for (const Request& request : requests_) {
    ++waiting_for_[static_cast<std::size_t>(request.what)];
  }
}

}  // namespace mayfly::vfio
