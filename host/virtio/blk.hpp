// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>

#include <sys/uio.h>

#include "base/checked.hpp"
#include "base/clock.hpp"
#include "base/fd.hpp"
#include "base/rate_limit.hpp"
#include "io/block_store.hpp"
#include "virtio/blk_request.hpp"
#include "virtio/virtio_device.hpp"

namespace mayfly::virtio {

/// What a block device was asked for, and how often that failed.
struct BlkCounts {
  std::uint64_t reads = 0;
  /// Of reads that did not fail; the same for written_bytes.
  std::uint64_t read_bytes = 0;
  std::uint64_t read_errors = 0;
  std::uint64_t writes = 0;
  std::uint64_t written_bytes = 0;
  std::uint64_t write_errors = 0;
  std::uint64_t flushes = 0;
  std::uint64_t flush_errors = 0;
  /// Ranges that were no longer needed, or to be zero.
  std::uint64_t erasures = 0;
  std::uint64_t erasure_errors = 0;
  /// Requests waited for the limit.
  HoldCounts waits{};
};

inline BlkCounts& operator+=(BlkCounts& sum, const BlkCounts& more) noexcept {
  sum.reads += more.reads;
  sum.read_bytes += more.read_bytes;
  sum.read_errors += more.read_errors;
  sum.writes += more.writes;
  sum.written_bytes += more.written_bytes;
  sum.write_errors += more.write_errors;
  sum.flushes += more.flushes;
  sum.flush_errors += more.flush_errors;
  sum.erasures += more.erasures;
  sum.erasure_errors += more.erasure_errors;
  sum.waits += more.waits;
  return sum;
}

/// The block device with one queue (virtio 1.2, 5.2).
///
/// Threads that may wait answer requests: each takes one from the ring, has the store do it straight from or
/// to guest memory with no lock held, and gives it back; what is under way at once are as many requests as
/// there are threads. The driver rings them by an eventfd. A request has a form that bounds what it costs,
/// and the driver is told which; reset() waits for those under way, so a driver that takes its memory back
/// has it. A driver that breaks the rules of the queue loses the queue; what the store refuses is that
/// request's status.
///
/// With a limit each request is an operation, and costs the bytes that the store is to read, write or make
/// zero. Requests that are held stay in the ring: a reset, or an end, has nothing to wait for. The limit is
/// the disk's, whoever its driver is: a reset gives nothing back.
class Blk final : public VirtioDevice {
 public:
  /// The longest buffer of a request, and its data, which are two buffers less than the longest chain has.
  static constexpr std::uint32_t kPieceBytesMax = 64 * kKiB;
  static constexpr std::uint32_t kPiecesMax = DescriptorChain::kSegmentsMax - 2;
  static constexpr std::uint64_t kDataBytesMax = std::uint64_t{kPieceBytesMax} * kPiecesMax;
  /// The longest range to be discarded, and to be made zero, which may mean to write zeros.
  static constexpr std::uint64_t kDiscardBytesMax = kGiB;
  static constexpr std::uint64_t kZeroBytesMax = 16 * kMiB;

  /// `store` outlives this. What the driver is told the disk is called is cut to kBlkIdBytes. Throws Error.
  Blk(io::BlockStore& store, std::string_view serial, const RateLimits& limits = {},
      Clock clock = &monotonic_ns);

  /// Answers the next request; false when there is none, and the driver rings when there is, or when it is
  /// held. Waits for the store. Any thread but a vCPU's, several at once.
  bool serve() noexcept;
  /// How many nanoseconds from now a request is held that waits; nothing when none is. Any thread.
  [[nodiscard]] std::optional<std::uint64_t> held_for() const noexcept;
  /// Writes to the doorbell. Any thread.
  void ring() noexcept;

  /// Any thread.
  [[nodiscard]] BlkCounts counts() const noexcept;

  [[nodiscard]] DeviceId id() const noexcept override { return DeviceId::kBlock; }
  [[nodiscard]] std::span<const std::uint16_t> queue_sizes() const noexcept override { return kQueueSizes; }
  [[nodiscard]] std::uint64_t offered_features() const noexcept override;
  [[nodiscard]] std::span<const std::byte> config() const noexcept override {
    return std::as_bytes(std::span(&config_, 1));
  }
  void activate(const Activation& activation) noexcept override;
  void notify(std::uint16_t queue) noexcept override;
  /// Reading it waits until the driver, or ring(), has written.
  [[nodiscard]] int doorbell(std::size_t /*queue*/) const noexcept override { return bell_.get(); }
  void reset() noexcept override;

 private:
  static constexpr std::array<std::uint16_t, 1> kQueueSizes{VirtQueue::kSizeMax};

  /// One request between the ring and the store: what the driver said, and where its data is.
  struct Request {
    std::optional<DescriptorChain> chain{};
    /// Who made it.
    std::uint64_t driver = 0;
    std::uint64_t features = 0;
    BlkHeader header{};
    BlkRange range{};
    /// For the store to write, of kBlkOut, or to fill.
    std::span<iovec> data{};
    std::uint64_t bytes = 0;
    std::array<iovec, DescriptorChain::kSegmentsMax> pieces;
  };

  // With the mutex held.
  [[nodiscard]] bool take(Request& request) noexcept;
  [[nodiscard]] std::optional<DescriptorChain> take_chain() noexcept;
  [[nodiscard]] static std::optional<QueueFault> read(Request& request) noexcept;
  [[nodiscard]] static std::uint64_t cost_of(const Request& request) noexcept;
  void give_back(Request& request, BlkStatus status) noexcept;
  void count(const Request& request, BlkStatus status) noexcept;
  // Without.
  [[nodiscard]] BlkStatus carry_out(Request& request) noexcept;
  [[nodiscard]] BlkStatus transfer(const Request& request) noexcept;
  [[nodiscard]] BlkStatus erase(const Request& request) noexcept;
  [[nodiscard]] BlkStatus settle(const Request& request, int error) noexcept;
  [[nodiscard]] bool is_within(std::uint64_t sector, std::uint64_t sectors) const noexcept;
  void end_work() noexcept;

  io::BlockStore& store_;
  Fd bell_;
  BlkConfig config_;
  std::array<std::byte, kBlkIdBytes> serial_{};
  BlkCounts counts_;
  /// None: there is no limit.
  std::optional<RateLimit> limit_;
  Clock clock_;
  std::span<VirtQueue> queues_;
  std::uint64_t features_ = 0;
  /// Which it is: one more after each reset.
  std::uint64_t driver_ = 0;

  /// Taken with the device's mutex held or without, never the other way round.
  std::mutex work_mutex_;
  std::condition_variable work_ended_;
  /// Requests whose data the store may read or write at this moment.
  std::size_t under_way_ = 0;
};

}  // namespace mayfly::virtio
