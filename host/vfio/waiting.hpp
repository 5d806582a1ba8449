// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "memory/held_memory.hpp"
#include "vfio/dma_counters.hpp"
#include "vfio/piece_set.hpp"

namespace mayfly::vfio {

/// What has been answered "later": releases that wait for pieces, other requests that wait for a condition,
/// and the Done of those whose time has come. Of fixed size; what does not fit is refused by whoever asks
/// full() first. Not thread-safe.
class Waiting {
 public:
  using Done = HeldMemory::Done;
  /// What a request other than a release waits for.
  enum class For : std::uint8_t { kSettled, kAllReleased, kReady };
  /// Other requests at once: front ends and vCPUs, each with few. More is our mistake.
  static constexpr std::uint32_t kRequestsMax = 256;

  Waiting();

  /// No room for one more release.
  [[nodiscard]] bool full() const noexcept {
    return releases_.size() + due_count_ >= HeldMemory::kReleasesMax;
  }
  /// A release that waits for `left` pieces among [first, last]. There must be room.
  void add_release(PieceIndex first, PieceIndex last, PieceIndex left, std::uint64_t now, Done done) noexcept;
  /// One of the pieces is mapped. Adds the releases that now are due to `latency`.
  void piece_mapped(PieceIndex piece, std::uint64_t now, Latency& latency) noexcept;

  /// Another request. It replaces one for the same of the same owner and cookie, which has then waited since
  /// the first.
  void add_request(For what, std::uint64_t bytes, std::uint64_t now, Done done) noexcept;
  /// All requests for `what` with at most `bytes` are due.
  void satisfy(For what, std::uint64_t bytes, std::uint64_t now, Latency* latency) noexcept;
  [[nodiscard]] bool waits_for(For what) const noexcept {
    return waiting_for_[static_cast<std::size_t>(what)] != 0;
  }
  /// True while a guest waits for something to be mapped.
  [[nodiscard]] bool is_urgent() const noexcept {
    return !releases_.empty() || waits_for(For::kSettled) || waits_for(For::kAllReleased);
  }

  [[nodiscard]] bool has_due() const noexcept { return due_count_ != 0; }
  /// The Done that has been due for longest; it is the caller's to call.
  [[nodiscard]] std::optional<Done> take_due() noexcept;
  /// No Done of `owner` comes any more; its releases go on without.
  void forget(const void* owner) noexcept;

 private:
  struct Release {
    PieceIndex first = 0;
    PieceIndex last = 0;
    PieceIndex left = 0;
    std::uint64_t since = 0;
    Done done;
  };
  struct Request {
    For what{};
    std::uint64_t bytes = 0;
    std::uint64_t since = 0;
    Done done;
  };

  struct Due {
    Done done;
    std::optional<For> what;  // nothing: a release
  };

  void make_due(const Due& due) noexcept;
  template <typename Keep>
  void keep_due(const Keep& keep) noexcept;
  void count_requests() noexcept;

  // All of them allocate in the constructor only.
  std::vector<Release> releases_;
  std::vector<Request> requests_;
  std::array<std::uint32_t, 3> waiting_for_{};
  std::vector<Due> due_;  // a ring
  std::size_t due_begin_ = 0;
  std::size_t due_count_ = 0;
};

}  // namespace mayfly::vfio
