// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.hpp"
#include "memory/guest_memory.hpp"
#include "virtio/descriptor_chain.hpp"
#include "virtio/driver_link.hpp"
#include "virtio/queue_fault.hpp"
#include "virtio/spec.hpp"

namespace mayfly::virtio {

/// Where the driver put a queue and how large it is, as it said before DRIVER_OK.
struct QueueSetup {
  std::uint16_t index = 0;
  std::uint16_t size = 0;
  GuestAddress descriptors;
  GuestAddress driver_area;
  GuestAddress device_area;
};

/// The device's side of a split virtqueue (virtio 1.2, 2.7).
///
/// Nothing in guest memory is trusted, nor that it stays as it is between two reads: each word is read once,
/// checked, and used from the copy. One round of work is arm(), then pop() until nothing is left, then
/// signal(). pop() gives only the chains that arm() counted, so a round is bounded by the queue's size
/// whatever other vCPUs add meanwhile, and arm() has made sure that the driver notifies of what it adds after
/// the count, so nothing is forgotten.
///
/// After a fault the queue is dead: it has told the driver by DEVICE_NEEDS_RESET, and pop() gives nothing any
/// more. Not locked: calls come with the device's mutex held, or with one that the device has for the queue.
/// No call allocates.
class VirtQueue {
 public:
  static constexpr std::uint16_t kSizeMax = 256;

  /// A queue that the driver did not enable: nothing ever arrives.
  VirtQueue() noexcept = default;
  /// `setup` checked and frozen, notifications on. `memory` and `link` must outlive the queue.
  [[nodiscard]] static Result<VirtQueue, QueueFault> create(const QueueSetup& setup, std::uint64_t features,
                                                            GuestMemory& memory, DriverLink& link) noexcept;

  /// From now on it is `link` that hears of the queue: one that may be called without the device's mutex.
  void speak_to(DriverLink& link) noexcept { link_ = &link; }

  /// Where it is, for another who serves it; nothing while the queue is not enabled, and after a fault.
  [[nodiscard]] std::optional<QueueSetup> setup() const noexcept {
    return memory_ == nullptr ? std::nullopt : std::optional(setup_);
  }

  /// Counts what the driver has made available, and asks to be notified of whatever it adds after that.
  void arm() noexcept;
  /// Asks not to be notified. The driver may do so nevertheless.
  void disarm() noexcept;
  /// The next chain that arm() counted, whole and validated; nothing when there is none or after a fault.
  [[nodiscard]] std::optional<DescriptorChain> pop() noexcept;
  /// Whether pop() would look at a chain: there is more of what arm() counted.
  [[nodiscard]] bool has_counted() const noexcept {
    return memory_ != nullptr && next_avail_ != counted_avail_;
  }
  /// Undoes the last pop(); nothing must have been written to the chain.
  void put_back(DescriptorChain&& chain) noexcept;
  /// Gives the chain back to the driver with the number of bytes written to it.
  void push_used(DescriptorChain&& chain) noexcept;
  /// Interrupts the driver once for all chains pushed since the last call, unless it asked for none.
  void signal() noexcept;
  /// For a device that cannot make sense of a chain of this queue: the queue is dead until the next reset.
  void fail(QueueFault fault) noexcept;

 private:
  [[nodiscard]] std::uint16_t read_avail_index() const noexcept;
  [[nodiscard]] std::optional<QueueFault> walk(std::uint16_t head, DescriptorChain& chain) const noexcept;
  /// A word of the ring; the areas were found to lie in RAM by create(), and RAM does not go away.
  [[nodiscard]] std::uint16_t load(GuestAddress area, std::uint64_t offset) const noexcept;
  void store(GuestAddress area, std::uint64_t offset, std::uint16_t value) noexcept;
  [[nodiscard]] std::uint64_t used_event_at() const noexcept { return kAvailRing + 2ULL * setup_.size; }
  [[nodiscard]] std::uint64_t avail_event_at() const noexcept {
    return kUsedRing + sizeof(UsedElement) * setup_.size;
  }

  /// Null while the queue is not enabled, and after a fault.
  GuestMemory* memory_ = nullptr;
  DriverLink* link_ = nullptr;
  QueueSetup setup_;
  std::uint64_t features_ = 0;
  std::uint16_t next_avail_ = 0;
  std::uint16_t counted_avail_ = 0;
  std::uint16_t next_used_ = 0;
  std::uint16_t signalled_used_ = 0;
};

/// One round of a queue whose chains are answered at once: `answer(chain)` returns a fault or nothing.
template <typename Answer>
void serve(VirtQueue& queue, Answer&& answer) noexcept {
  queue.arm();
  while (auto chain = queue.pop()) {
    const std::optional<QueueFault> fault = answer(*chain);
    queue.push_used(std::move(*chain));
    if (fault) {
      queue.fail(*fault);
    }
  }
  queue.signal();
}

}  // namespace mayfly::virtio
