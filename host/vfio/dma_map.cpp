// SPDX-License-Identifier: Apache-2.0
#include "vfio/dma_map.hpp"

#include <algorithm>
#include <system_error>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "vfio/memlock.hpp"

namespace mayfly::vfio {
namespace {

constexpr std::uint32_t kMappersMax = 16;
/// What is populated at a time: about a millisecond, after which a thread asks whether it is to go on.
constexpr std::uint64_t kStepBytes = 4 * kMiB;

// What the IOMMU leaves for RAM.
DmaRules with_entries(DmaRules rules, const Iommu& iommu, std::uint32_t reserved) noexcept {
  const std::uint32_t entries = iommu.max_entries();
  rules.pieces.max_pieces = std::min(rules.pieces.max_pieces, entries > reserved ? entries - reserved : 0);
  return rules;
}

}  // namespace

DmaMap::DmaMap(Iommu& iommu, Populate& populate, std::span<const GuestMemory::Region> ram,
               const DmaMapConfig& config, OnFailure on_failure)
    : iommu_(iommu),
      populate_(populate),
      on_failure_(on_failure),
      plan_(ram, with_entries(config.rules, iommu, config.reserved_entries)),
      calling_(std::clamp(iommu.parallel_mappers(), 1U, kMappersMax)) {
  require_memlock(plan_.table().bytes(), config.memlock_limit);
  start_threads(std::max(config.populate_threads, 1U), config.thread_starts);
}

DmaMap::~DmaMap() {
  request_stop();
  join();
  while (const std::optional<GuestRange> entry = plan_.take_entry()) {
    // A refusal changes nothing: what is left is unmapped when the IOMMU's descriptor is closed.
    (void)iommu_.unmap(*entry);
  }
}

void DmaMap::start_threads(std::uint32_t populate_threads, void (*first)() noexcept) {
  const auto start = [this, first](auto body) {
    threads_.emplace_back([first, body] {
      if (first != nullptr) {
        first();
      }
      body();
    });
  };
  try {
    for (std::uint32_t i = 0; i < populate_threads; ++i) {
      start([this] { populate_loop(); });
    }
    for (std::size_t mapper = 0; mapper < calling_.size(); ++mapper) {
      start([this, mapper] { map_loop(mapper); });
    }
  } catch (const std::system_error& error) {
    request_stop();
    join();
    throw Error(error.code().value(), "cannot start the threads that map guest memory for devices");
  }
}

void DmaMap::join() noexcept {
  for (std::thread& thread : threads_) {
    thread.join();
  }
}

void DmaMap::request_stop() noexcept {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  wake();
  progress_.notify_all();
}

// With the lock: there may be work, or an end of it.
void DmaMap::wake() noexcept {
  populate_work_.notify_all();
  map_work_.notify_all();
}

void DmaMap::populate_loop() noexcept {
  std::unique_lock lock(mutex_);
  while (true) {
    std::optional<PieceIndex> piece;
    populate_work_.wait(lock, [this, &piece] {
      if (stopping_ || plan_.is_all_populated()) {
        return true;
      }
      piece = plan_.begin_populate();
      return piece.has_value();
    });
    if (!piece.has_value()) {
      return;
    }
    populate_one(*piece, lock);
  }
}

// Ends with the lock held and the caller soon beginning the next piece under it, so that a mapper which waits
// for a neighbour sees it coming.
void DmaMap::populate_one(PieceIndex piece, std::unique_lock<std::mutex>& lock) noexcept {
  const PieceTable::Piece& memory = plan_.table()[piece];
  for (std::uint64_t done = 0; done < memory.guest.bytes;) {
    populate_work_.wait(lock, [&] { return stopping_ || failure_.has_value() || plan_.is_wanted(piece); });
    if (stopping_ || failure_.has_value()) {
      return;
    }
    const std::uint64_t bytes = std::min(memory.guest.bytes - done, kStepBytes);
    lock.unlock();
    const std::uint64_t begin = monotonic_ns();
    const auto result = populate_.populate(memory.host + done, bytes);
    const std::uint64_t end = monotonic_ns();
    lock.lock();
    if (!result) {
      fail({DmaFailure::Step::kPopulate, result.error().errno_value, memory.guest}, lock);
      return;
    }
    populate_calls_.add(begin, end);
    populated_bytes_ += bytes;
    done += bytes;
  }
  plan_.end_populate(piece);
  map_work_.notify_one();
}

void DmaMap::map_loop(std::size_t mapper) noexcept {
  std::unique_lock lock(mutex_);
  while (true) {
    std::optional<MapJob> job;
    map_work_.wait(lock, [this, &job] {
      if (stopping_ || plan_.has_due() || plan_.is_all_mapped()) {
        return true;
      }
      job = plan_.begin_map();
      return job.has_value();
    });
    if (job.has_value()) {
      map_one(*job, lock);
    } else if (!stopping_ && plan_.has_due()) {
      call_one(mapper, lock);
    } else {
      return;
    }
  }
}

void DmaMap::map_one(MapJob job, std::unique_lock<std::mutex>& lock) noexcept {
  const GuestRange guest = plan_.guest(job);
  std::byte* host = plan_.table()[job.first].host;
  lock.unlock();
  const std::uint64_t begin = monotonic_ns();
  const auto result = iommu_.map(guest.start, host, guest.bytes, Access::kReadWrite);
  const std::uint64_t end = monotonic_ns();
  lock.lock();
  if (!result) {
    fail({DmaFailure::Step::kMap, result.error().errno_value, guest}, lock);
    return;
  }
  map_calls_.add(begin, end);
  plan_.end_map(job, end);
  map_work_.notify_all();
  progress_.notify_all();
}

void DmaMap::call_one(std::size_t mapper, std::unique_lock<std::mutex>& lock) noexcept {
  const std::optional<Done> done = plan_.take_due();
  calling_[mapper] = done->owner;
  lock.unlock();
  done->call(done->owner, done->cookie);
  lock.lock();
  calling_[mapper] = nullptr;
  progress_.notify_all();
}

void DmaMap::fail(const DmaFailure& failure, std::unique_lock<std::mutex>& lock) noexcept {
  if (failure_.has_value()) {
    return;
  }
  failure_ = failure;
  plan_.fail();
  progress_.notify_all();
  if (guest_started_ && on_failure_.call != nullptr) {
    lock.unlock();
    on_failure_.call(on_failure_.owner);
    lock.lock();
  }
}

void DmaMap::guest_starts() {
  std::unique_lock lock(mutex_);
  guest_started_ = true;
  if (failure_.has_value()) {
    lock.unlock();
    throw Error(describe_failure());
  }
}

void DmaMap::pause_background() noexcept {
  const std::lock_guard lock(mutex_);
  plan_.pause_background();
}

DmaMap::Settled DmaMap::wait_settled() noexcept {
  if (plan_.is_settled()) {
    return Settled::kYes;
  }
  std::unique_lock lock(mutex_);
  // Asking is what makes it urgent; nobody is to be called.
  (void)plan_.settle({nullptr, this, 0}, monotonic_ns());
  wake();
  progress_.wait(lock, [this] { return stopping_ || failure_.has_value() || plan_.is_settled(); });
  if (plan_.is_settled()) {
    return Settled::kYes;
  }
  return stopping_ ? Settled::kStopped : Settled::kFailed;
}

std::optional<DmaFailure> DmaMap::failure() const noexcept {
  const std::lock_guard lock(mutex_);
  return failure_;
}

std::string DmaMap::describe_failure() const {
  const std::optional<DmaFailure> failed = failure();
  MAYFLY_ASSERT(failed.has_value());
  return describe(*failed, iommu_.name(), plan_.table().bytes());
}

DmaCounters DmaMap::counters() const noexcept {
  const std::lock_guard lock(mutex_);
  DmaCounters counters = plan_.counters();
  counters.populate = populate_calls_;
  counters.map = map_calls_;
  counters.populated_bytes = populated_bytes_;
  return counters;
}

}  // namespace mayfly::vfio
