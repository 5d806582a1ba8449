// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "testing/fake_block_store.hpp"
#include "testing/fake_driver_ring.hpp"
#include "testing/fake_msi_sink.hpp"
#include "testing/fake_virtio_driver.hpp"
#include "testing/guest_ram.hpp"
#include "virtio/blk.hpp"
#include "virtio/pci_transport.hpp"

namespace mayfly::testing {

/// A block device between a driver with a ring and a disk of 64 KiB; the test's thread is its worker.
class BlkFixture : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kPlain = virtio::kFeatureVersion1;
  static constexpr std::uint64_t kUsual =
      kPlain | virtio::kBlkFlush | virtio::kBlkDiscard | virtio::kBlkWriteZeroes;
  static constexpr std::uint64_t kDiskBytes = 64 * kKiB;
  static constexpr std::uint64_t kSectors = kDiskBytes / virtio::kSectorBytes;

  explicit BlkFixture(const io::BlockShape& shape = {.bytes = kDiskBytes}, const RateLimits& limits = {})
      : store_(shape) {
    clock_reads_ = 0;
    now_ns_ = 1'000'000'000;
    auto blk = std::make_unique<virtio::Blk>(store_, "the disk", limits, &read_clock);
    blk_ = blk.get();
    transport_ = std::make_unique<virtio::PciTransport>(std::move(blk), ram_.memory(), sink_);
    driver_.emplace(*transport_);
    driver_->enable_msix();
  }

  void run(std::uint64_t features) {
    driver_->negotiate(features);
    ring_.clear();
    driver_->enable_queue(0, ring_);
    driver_->driver_ok();
  }
  /// Has the device answer all that is there; how many requests that was.
  int serve() {
    int count = 0;
    while (blk_->serve()) {
      ++count;
    }
    return count;
  }
  [[nodiscard]] bool needs_reset() { return (driver_->status() & virtio::kStatusNeedsReset) != 0; }

  // Safe, in both: the object representation of plain words.
  static std::string header(std::uint32_t type, std::uint64_t sector = 0) {
    const virtio::BlkHeader words{.type = type, .sector = sector};
    return {reinterpret_cast<const char*>(&words), sizeof(words)};
  }
  static std::string range(std::uint64_t sector, std::uint32_t sectors, std::uint32_t flags = 0) {
    const virtio::BlkRange words{.sector = sector, .sectors = sectors, .flags = flags};
    return {reinterpret_cast<const char*>(&words), sizeof(words)};
  }

  /// What the device has given back next: its data and, last, its status.
  std::string answer() {
    const auto used = ring_.take_used();
    return used.has_value() ? used->text : "nothing";
  }
  /// The whole way of one request without data, or with data for the device.
  std::string ask(const std::string& readable) {
    ring_.chain().readable(readable).writable(1).publish();
    EXPECT_EQ(serve(), 1);
    return answer();
  }
  /// Of one that reads. Where it fails the used ring tells of no bytes.
  std::string read(std::uint64_t sector, std::uint32_t bytes) {
    ring_.chain().readable(header(virtio::kBlkIn, sector)).writable(bytes + 1).publish();
    EXPECT_EQ(serve(), 1);
    return answer();
  }

  static inline const std::string kOk{'\0'};
  static inline const std::string kIoError{'\1'};
  static inline const std::string kUnsupported{'\2'};

  /// The disk's clock, which the test sets; 0: it is the host's own.
  static std::uint64_t read_clock() noexcept {
    ++clock_reads_;
    const std::uint64_t set = now_ns_;
    return set != 0 ? set : monotonic_ns();
  }
  static inline std::atomic<std::uint64_t> now_ns_{0};
  static inline std::atomic<int> clock_reads_{0};

  GuestRam ram_;
  FakeMsiSink sink_;
  FakeBlockStore store_;
  FakeDriverRing ring_{ram_.memory(), GuestAddress(0x10000), 64};
  virtio::Blk* blk_ = nullptr;
  std::unique_ptr<virtio::PciTransport> transport_;
  std::optional<FakeVirtioDriver> driver_;
};

}  // namespace mayfly::testing
