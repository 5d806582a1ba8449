// SPDX-License-Identifier: Apache-2.0
#include "memory/populate_all.hpp"

#include <algorithm>

#include "base/clock.hpp"
#include "memory/region_parts.hpp"

namespace mayfly {

PopulateAll::PopulateAll(Populate& populate, std::span<const GuestMemory::Region> memory,
                         std::uint64_t page_bytes, std::uint32_t threads)
    : populate_(populate),
      memory_(memory.begin(), memory.end()),
      pieces_(total_bytes(memory), std::max(page_bytes, kPieceBytes)) {
  const auto useful = static_cast<std::uint32_t>(std::min<std::uint64_t>(threads, pieces_.count()));
  threads_.reserve(useful);
  for (std::uint32_t i = 0; i < useful; ++i) {
    threads_.emplace_back([this] { run(); });
  }
}

PopulateAll::~PopulateAll() { pieces_.stop(); }

void PopulateAll::run() noexcept {
  while (const auto piece = pieces_.take()) {
    for_each_part(memory_, *piece, [this](const GuestMemory::Region& part) {
      if (const auto done = populate_.populate(part.host, part.guest.bytes); done.has_value()) {
        populated_.fetch_add(part.guest.bytes, std::memory_order_relaxed);
      } else {
        refusal_.store(done.error().errno_value, std::memory_order_relaxed);
        pieces_.stop();
      }
    });
  }
  const std::uint64_t now = monotonic_ns();
  std::uint64_t latest = end_ns_.load(std::memory_order_relaxed);
  while (latest < now && !end_ns_.compare_exchange_weak(latest, now, std::memory_order_relaxed)) {
  }
}

Result<void, PopulateFault> PopulateAll::wait() {
  for (std::jthread& thread : threads_) {
    thread.join();
  }
  if (const int refusal = refusal_.load(std::memory_order_relaxed); refusal != 0) {
    return unexpected(PopulateFault{refusal});
  }
  return {};
}

std::uint32_t threads_for_all_cpus() noexcept {
  return std::clamp(std::thread::hardware_concurrency(), 1U, PopulateAll::kThreadsMax);
}

}  // namespace mayfly
