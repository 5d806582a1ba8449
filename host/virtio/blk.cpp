// SPDX-License-Identifier: Apache-2.0
#include "virtio/blk.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/event_fd.hpp"

namespace mayfly::virtio {
namespace {

static_assert(DescriptorChain::kSegmentsMax <= io::BlockStore::kBuffersMax);

constexpr std::uint32_t sectors_of(std::uint64_t bytes) noexcept {
  return static_cast<std::uint32_t>(bytes / kSectorBytes);
}

BlkConfig config_of(const io::BlockShape& shape) noexcept {
  const int physical = std::countr_zero(shape.best_bytes) - std::countr_zero(shape.unit_bytes);
  return {.capacity = shape.bytes / kSectorBytes,
          .size_max = Blk::kPieceBytesMax,
          .seg_max = Blk::kPiecesMax,
          .blk_size = shape.unit_bytes,
          .physical_block_exp = static_cast<std::uint8_t>(physical),
          .min_io_size = static_cast<std::uint16_t>(1U << static_cast<unsigned>(physical)),
          .num_queues = 1,
          .max_discard_sectors = sectors_of(Blk::kDiscardBytesMax),
          .max_discard_seg = 1,
          .discard_sector_alignment = sectors_of(shape.best_bytes),
          .max_write_zeroes_sectors = sectors_of(Blk::kZeroBytesMax),
          .max_write_zeroes_seg = 1,
          .write_zeroes_may_unmap = 1};
}

bool is_erasure(const BlkHeader& header) noexcept {
  return header.type == kBlkDiscardRequest || header.type == kBlkWriteZeroesRequest;
}

}  // namespace

Blk::Blk(io::BlockStore& store, std::string_view serial, const RateLimits& limits, Clock clock)
    : store_(store),
      bell_(::eventfd(0, EFD_CLOEXEC)),
      config_(config_of(store.shape())),
      limit_(limit_of(limits)),
      clock_(clock) {
  if (!bell_) {
    fail_errno("cannot make the doorbell of a disk");
  }
  const auto name = std::as_bytes(std::span(serial.substr(0, kBlkIdBytes)));
  std::copy(name.begin(), name.end(), serial_.begin());
}

std::uint64_t Blk::offered_features() const noexcept {
  return kBlkSizeMax | kBlkSegmentMax | kBlkBlockSize | kBlkFlush | kBlkTopology |
         (store_.shape().is_read_only ? kBlkReadOnly : kBlkDiscard | kBlkWriteZeroes) |
         kFeatureIndirectDescriptors | kFeatureEventIndex;
}

BlkCounts Blk::counts() const noexcept {
  const std::lock_guard lock(mutex());
  BlkCounts counts = counts_;
  if (limit_) {
    counts.waits = limit_->counts(clock_());
  }
  return counts;
}

std::optional<std::uint64_t> Blk::held_for() const noexcept {
  if (!limit_) {
    return std::nullopt;
  }
  const std::lock_guard lock(mutex());
  if (!limit_->is_held()) {
    return std::nullopt;
  }
  const std::uint64_t now = clock_();
  return limit_->resume_at() - std::min(limit_->resume_at(), now);
}

void Blk::activate(const Activation& activation) noexcept {
  queues_ = activation.queues;
  features_ = activation.features;
  ring();
}

void Blk::notify(std::uint16_t /*queue*/) noexcept { ring(); }

void Blk::reset() noexcept {
  queues_ = {};
  features_ = 0;
  ++driver_;
  if (limit_) {
    limit_->let_go(clock_());
  }
  // Nothing more is taken, since that needs the mutex; what was ends without it.
  std::unique_lock lock(work_mutex_);
  work_ended_.wait(lock, [this] { return under_way_ == 0; });
}

void Blk::ring() noexcept { ring_event(bell_.get()); }

bool Blk::serve() noexcept {
  Request request;
  {
    const std::lock_guard lock(mutex());
    if (!take(request)) {
      return false;
    }
  }
  const BlkStatus status = carry_out(request);
  end_work();
  const std::lock_guard lock(mutex());
  give_back(request, status);
  return true;
}

bool Blk::take(Request& request) noexcept {
  auto chain = take_chain();
  if (!chain) {
    return false;
  }
  request.chain.emplace(std::move(*chain));
  request.driver = driver_;
  request.features = features_;
  if (const auto fault = read(request)) {
    queues_[0].push_used(std::move(*request.chain));
    queues_[0].fail(*fault);
    return false;
  }
  if (limit_) {
    limit_->take(cost_of(request), clock_());
  }
  const std::lock_guard work(work_mutex_);
  ++under_way_;
  return true;
}

void Blk::end_work() noexcept {
  const std::lock_guard work(work_mutex_);
  --under_way_;
  work_ended_.notify_all();
}

std::optional<DescriptorChain> Blk::take_chain() noexcept {
  if (queues_.empty()) {
    return std::nullopt;
  }
  VirtQueue& queue = queues_[0];
  if (!queue.has_counted()) {
    queue.arm();
  }
  if (limit_ && queue.has_counted() && !limit_->passes(clock_())) {
    return std::nullopt;
  }
  auto chain = queue.pop();
  // Whoever was woken has taken the rings for all that is there. So who leaves with one request leaves
  // nothing behind that no other thread is woken for.
  if (!queue.has_counted()) {
    queue.arm();
  }
  if (queue.has_counted()) {
    ring();
  }
  return chain;
}

std::optional<QueueFault> Blk::read(Request& request) noexcept {
  DescriptorChain& chain = *request.chain;
  // Whatever else is wrong with a request has a status that says so.
  if (chain.read(std::as_writable_bytes(std::span(&request.header, 1))) != sizeof(request.header) ||
      chain.writable() < sizeof(BlkStatus)) {
    return QueueFault::kBadRequest;
  }
  if (request.header.type == kBlkOut) {
    request.bytes = chain.readable();
    request.data = chain.readable_pieces(request.bytes, request.pieces);
  } else if (is_erasure(request.header)) {
    request.bytes = chain.readable();
    (void)chain.read(std::as_writable_bytes(std::span(&request.range, 1)));
  } else {
    request.bytes = chain.writable() - sizeof(BlkStatus);
    request.data = chain.writable_pieces(0, request.pieces);
    // The status is the last byte of the last buffer, whether or not it has that to itself.
    if (--request.data.back().iov_len == 0) {
      request.data = request.data.first(request.data.size() - 1);
    }
  }
  return std::nullopt;
}

std::uint64_t Blk::cost_of(const Request& request) noexcept {
  switch (request.header.type) {
    case kBlkIn:
    case kBlkOut:
      return std::min(request.bytes, kDataBytesMax);
    case kBlkWriteZeroesRequest:
      return std::min<std::uint64_t>(request.range.sectors * kSectorBytes, kZeroBytesMax);
    default:
      return 0;
  }
}

BlkStatus Blk::carry_out(Request& request) noexcept {
  switch (request.header.type) {
    case kBlkIn:
    case kBlkOut:
      return transfer(request);
    case kBlkFlushRequest:
      return store_.flush() == 0 ? BlkStatus::kOk : BlkStatus::kIoError;
    case kBlkGetId:
      request.chain->write(std::span(serial_).first(std::min<std::uint64_t>(kBlkIdBytes, request.bytes)));
      return BlkStatus::kOk;
    case kBlkDiscardRequest:
    case kBlkWriteZeroesRequest:
      return erase(request);
    default:
      return BlkStatus::kUnsupported;
  }
}

bool Blk::is_within(std::uint64_t sector, std::uint64_t sectors) const noexcept {
  return sectors <= config_.capacity && sector <= config_.capacity - sectors;
}

BlkStatus Blk::transfer(const Request& request) noexcept {
  const bool writes = request.header.type == kBlkOut;
  const std::uint64_t unit = store_.shape().unit_bytes;
  const std::uint64_t offset = request.header.sector * kSectorBytes;
  if (request.bytes > kDataBytesMax || request.bytes % unit != 0 ||
      !is_within(request.header.sector, request.bytes / kSectorBytes) || offset % unit != 0 ||
      (writes && store_.shape().is_read_only)) {
    return BlkStatus::kIoError;
  }
  return writes ? settle(request, store_.write(request.data, offset))
                : (store_.read(request.data, offset) == 0 ? BlkStatus::kOk : BlkStatus::kIoError);
}

BlkStatus Blk::erase(const Request& request) noexcept {
  const bool discards = request.header.type == kBlkDiscardRequest;
  const BlkRange& range = request.range;
  // 5.2.6.2: unknown flags are unsupported, and so is unmap where it says nothing new.
  if ((request.features & (discards ? kBlkDiscard : kBlkWriteZeroes)) == 0 ||
      (range.flags & ~(discards ? 0U : kBlkUnmap)) != 0) {
    return BlkStatus::kUnsupported;
  }
  const std::uint64_t bytes = range.sectors * kSectorBytes;
  if (request.bytes != sizeof(range) || bytes > (discards ? kDiscardBytesMax : kZeroBytesMax) ||
      !is_within(range.sector, range.sectors)) {
    return BlkStatus::kIoError;
  }
  const std::uint64_t offset = range.sector * kSectorBytes;
  if (discards) {
    return settle(request, store_.discard(offset, bytes));
  }
  const auto unmap = (range.flags & kBlkUnmap) != 0 ? io::Unmap::kMay : io::Unmap::kNo;
  return settle(request, store_.zero(offset, bytes, unmap));
}

BlkStatus Blk::settle(const Request& request, int error) noexcept {
  // 5.2.6.2: for a driver that was offered flushes and does not know them a write is stable when it ends.
  if (error == 0 && (request.features & kBlkFlush) == 0) {
    error = store_.flush();
  }
  return error == 0 ? BlkStatus::kOk : BlkStatus::kIoError;
}

void Blk::give_back(Request& request, BlkStatus status) noexcept {
  count(request, status);
  DescriptorChain& chain = *request.chain;
  if (request.driver != driver_) {
    // Its memory is the next one's.
    chain.release();
    return;
  }
  if (request.header.type == kBlkIn && status == BlkStatus::kOk) {
    chain.commit(request.bytes);
  }
  chain.write_last(static_cast<std::byte>(status));
  VirtQueue& queue = queues_[0];
  queue.push_used(std::move(chain));
  queue.signal();
}

void Blk::count(const Request& request, BlkStatus status) noexcept {
  const bool failed = status != BlkStatus::kOk;
  const std::uint64_t moved = failed ? 0 : request.bytes;
  const std::uint64_t error = failed ? 1 : 0;
  switch (request.header.type) {
    case kBlkIn:
      counts_ += {.reads = 1, .read_bytes = moved, .read_errors = error};
      break;
    case kBlkOut:
      counts_ += {.writes = 1, .written_bytes = moved, .write_errors = error};
      break;
    case kBlkFlushRequest:
      counts_ += {.flushes = 1, .flush_errors = error};
      break;
    case kBlkDiscardRequest:
    case kBlkWriteZeroesRequest:
      counts_ += {.erasures = 1, .erasure_errors = error};
      break;
    default:
      break;
  }
}

}  // namespace mayfly::virtio
