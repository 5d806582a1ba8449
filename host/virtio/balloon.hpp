// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "memory/guest_memory.hpp"
#include "memory/held_memory.hpp"
#include "virtio/balloon_pages.hpp"
#include "virtio/virtio_device.hpp"

namespace mayfly::virtio {

/// What a balloon has done so far.
struct BalloonCounts {
  /// In the balloon now, as the driver has told by its queues.
  std::uint64_t held_bytes = 0;
  std::uint64_t held_bytes_max = 0;
  std::uint64_t inflate_notifications = 0;
  std::uint64_t deflate_notifications = 0;
  /// Ranges or pages that came.
  std::uint64_t inflate_entries = 0;
  /// Requests to deflate that were answered within their own notification, and those that had to wait.
  std::uint64_t acks_at_once = 0;
  std::uint64_t acks_later = 0;
};

/// What a balloon is for.
enum class BalloonUse : std::uint8_t {
  kLend,    ///< It has the size that it is asked to have.
  kBridge,  ///< It keeps memory from devices until they can reach it, and is emptied as that comes about.
};

/// The balloon (virtio 1.2, 5.5): memory that the guest lends back, in pages of 4 KiB from an ordinary
/// driver, in ranges of 2 MiB and more from ours.
///
/// What is inflated is given to HeldMemory within the notification. What is deflated is acknowledged once
/// HeldMemory says that the guest may use it, one request after the other; a driver must wait for that
/// (MUST_TELL_HOST). A request that lends what is lent already, returns what is not, or names what is no RAM
/// is a fault. A reset returns all that was lent.
///
/// A bridge asks an ordinary driver for nothing, which would lend when it is too late and page by page; nor
/// the driver of a next kernel, once devices reach all memory.
class Balloon final : public VirtioDevice {
 public:
  static constexpr std::uint16_t kInflateQueue = 0;
  static constexpr std::uint16_t kDeflateQueue = 1;

  /// 5.5.3
  static constexpr std::uint64_t kFeatureMustTellHost = 1ULL << 0U;
  static constexpr std::uint64_t kFeatureDeflateOnOom = 1ULL << 2U;
  /// Ours, of the bits for device types (6): requests are BalloonRanges, and the driver inflates to the
  /// target before any driver of another device is there (guest-kernel-config/patches,
  /// "virtio_balloon_early").
  static constexpr std::uint64_t kFeatureEarlyRanges = 1ULL << 60U;

  /// One entry of a request with kFeatureEarlyRanges: a range of whole HeldMemory::kUnit.
  struct RangeEntry {
    std::uint64_t address;  // 0
    std::uint64_t bytes;    // 8
  };
  static_assert(sizeof(RangeEntry) == 16);
  /// The most that one request may say: 256 ranges, or 1024 page numbers of 4 bytes (Linux sends 256).
  static constexpr std::uint64_t kRequestBytesMax = 4 * kKiB;

  /// `held` and `memory` outlive this. The driver is asked for `target_bytes`, rounded down to 4 KiB. Throws
  /// Error.
  Balloon(HeldMemory& held, const GuestMemory& memory, std::uint64_t target_bytes, BalloonUse use);
  ~Balloon() override;

  /// Asks the driver to make the balloon this large; it does so in its own time. Any thread.
  void set_target(std::uint64_t bytes) noexcept;
  /// What the driver is asked for now: of a bridge less and less, and nothing while memory of an earlier
  /// driver comes back. Any thread.
  [[nodiscard]] std::uint64_t target_bytes() const noexcept;
  /// Any thread.
  [[nodiscard]] BalloonCounts counts() const noexcept;

  [[nodiscard]] DeviceId id() const noexcept override { return DeviceId::kBalloon; }
  [[nodiscard]] std::span<const std::uint16_t> queue_sizes() const noexcept override { return kQueueSizes; }
  /// No event index: the driver waits for each request. No free page reporting or hinting: memory that the
  /// guest may take again without a word cannot be kept from devices.
  [[nodiscard]] std::uint64_t offered_features() const noexcept override {
    return kFeatureMustTellHost | kFeatureDeflateOnOom | kFeatureEarlyRanges | kFeatureIndirectDescriptors;
  }
  [[nodiscard]] std::span<const std::byte> config() const noexcept override {
    return std::as_bytes(std::span(&config_, 1));
  }
  void write_config(std::size_t offset, std::span<const std::byte> data) noexcept override;
  void activate(const Activation& activation) noexcept override;
  void notify(std::uint16_t queue) noexcept override;
  void reset() noexcept override;

 private:
  /// 5.5.4, in pages of 4 KiB.
  struct Config {
    std::uint32_t num_pages;  // 0
    std::uint32_t actual;     // 4
  };
  static_assert(sizeof(Config) == 8);
  /// A bridge is emptied in at least this many steps, of which each is an interrupt.
  static constexpr std::uint64_t kBridgeSteps = 64;
  /// Linux has one request under way in each (drivers/virtio/virtio_balloon.c).
  static constexpr std::array<std::uint16_t, 2> kQueueSizes{4, 4};

  [[nodiscard]] bool early() const noexcept { return (features_ & kFeatureEarlyRanges) != 0; }
  /// Copies the request out of the guest's memory, once. The number of its bytes, or nothing when it is not
  /// of `entry_bytes` each.
  [[nodiscard]] std::optional<std::size_t> take_request(DescriptorChain& chain,
                                                        std::size_t entry_bytes) noexcept;
  template <typename Entry>
  [[nodiscard]] std::span<const Entry> entries(std::size_t bytes) const noexcept;

  [[nodiscard]] std::optional<QueueFault> inflate(DescriptorChain& chain) noexcept;
  [[nodiscard]] bool inflate_range(const RangeEntry& entry) noexcept;
  [[nodiscard]] bool inflate_page(std::uint32_t page_frame) noexcept;

  void serve_deflate() noexcept;
  /// Begins to release what the request names; what has to wait is counted in releases_.
  [[nodiscard]] std::optional<QueueFault> deflate(DescriptorChain& chain) noexcept;
  [[nodiscard]] bool deflate_range(const RangeEntry& entry) noexcept;
  [[nodiscard]] bool deflate_page(std::uint32_t page_frame) noexcept;
  [[nodiscard]] bool release(GuestRange range) noexcept;
  static void on_released(void* self, std::uint64_t session) noexcept;
  /// Has the driver take back the next part of a bridge as soon as that is ready.
  void empty_bridge() noexcept;
  void lower_bridge() noexcept;
  [[nodiscard]] std::uint64_t bridge_step() const noexcept;
  static void on_ready(void* self, std::uint64_t) noexcept;
  static void on_returned(void* self, std::uint64_t) noexcept;
  void publish_target() noexcept;
  void set_held(std::uint64_t bytes) noexcept;

  HeldMemory& held_;
  BalloonUse use_;
  std::uint32_t target_pages_;
  Config config_{};
  BalloonPages pages_;
  std::span<VirtQueue> queues_;
  DriverLink* link_ = nullptr;
  std::uint64_t features_ = 0;
  BalloonCounts counts_;
  /// One more with each reset and each fault, so that what comes of an earlier request is known as such.
  std::uint64_t session_ = 0;
  /// The request to deflate that waits, and how many releases it waits for.
  std::optional<DescriptorChain> waiting_;
  std::uint32_t releases_ = 0;
  /// The memory of a reset has not all come back. Until it has, the driver is asked for nothing.
  bool returning_ = false;
  /// Words, so that entries of both forms are aligned.
  std::array<std::uint64_t, kRequestBytesMax / sizeof(std::uint64_t)> request_;
};

}  // namespace mayfly::virtio
