// SPDX-License-Identifier: Apache-2.0
#include "virtio/virt_queue.hpp"

#include <atomic>
#include <bit>
#include <utility>

#include "base/error.hpp"

namespace mayfly::virtio {
namespace {

bool aligned(GuestAddress address, std::uint64_t alignment) noexcept {
  return (address.raw() & (alignment - 1)) == 0;
}

}  // namespace

Result<VirtQueue, QueueFault> VirtQueue::create(const QueueSetup& setup, std::uint64_t features,
                                                GuestMemory& memory, DriverLink& link) noexcept {
  if (!std::has_single_bit(setup.size) || setup.size > kSizeMax) {
    return unexpected(QueueFault::kBadSize);
  }
  // 2.7: alignments 16, 2 and 4. They also make each index a single access (GuestMemory::read).
  if (!aligned(setup.descriptors, 16) || !aligned(setup.driver_area, 2) || !aligned(setup.device_area, 4)) {
    return unexpected(QueueFault::kMisaligned);
  }
  VirtQueue queue;
  queue.memory_ = &memory;
  queue.link_ = &link;
  queue.setup_ = setup;
  queue.features_ = features;
  if (!memory.host_range({setup.descriptors, sizeof(Descriptor) * setup.size}) ||
      !memory.host_range({setup.driver_area, queue.used_event_at() + 2}) ||
      !memory.host_range({setup.device_area, queue.avail_event_at() + 2})) {
    return unexpected(QueueFault::kRingOutsideMemory);
  }
  return queue;
}

std::uint16_t VirtQueue::load(GuestAddress area, std::uint64_t offset) const noexcept {
  const auto value = memory_->read<std::uint16_t>(GuestAddress(area.raw() + offset));
  MAYFLY_ASSERT(value.has_value());
  return *value;
}

void VirtQueue::store(GuestAddress area, std::uint64_t offset, std::uint16_t value) noexcept {
  MAYFLY_ASSERT(memory_->write(GuestAddress(area.raw() + offset), value));
}

std::uint16_t VirtQueue::read_avail_index() const noexcept { return load(setup_.driver_area, kAvailIndex); }

void VirtQueue::arm() noexcept {
  if (memory_ == nullptr) {
    return;
  }
  // With an event index the driver notifies only of the entry that it was told, so the two must agree: read,
  // tell, read again. Nothing is taken meanwhile, so an honest index moves at most `size` times.
  const bool event_index = (features_ & kFeatureEventIndex) != 0;
  for (unsigned attempt = 0; attempt <= setup_.size; ++attempt) {
    const std::uint16_t counted = read_avail_index();
    if (static_cast<std::uint16_t>(counted - next_avail_) > setup_.size) {
      break;
    }
    if (event_index) {
      store(setup_.device_area, avail_event_at(), counted);
    } else {
      store(setup_.device_area, kUsedFlags, 0);
    }
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (read_avail_index() == counted) {
      counted_avail_ = counted;
      return;
    }
  }
  fail(QueueFault::kAvailIndexWrong);
}

void VirtQueue::disarm() noexcept {
  if (memory_ == nullptr) {
    return;
  }
  if ((features_ & kFeatureEventIndex) != 0) {
    // An entry of the past: the driver passes it again after 65535 more.
    store(setup_.device_area, avail_event_at(), static_cast<std::uint16_t>(next_avail_ - 1));
  } else {
    store(setup_.device_area, kUsedFlags, kUsedNoNotify);
  }
}

std::optional<DescriptorChain> VirtQueue::pop() noexcept {
  if (memory_ == nullptr || next_avail_ == counted_avail_) {
    return std::nullopt;
  }
  const std::uint64_t slot = next_avail_ & (setup_.size - 1U);
  const std::uint16_t head = load(setup_.driver_area, kAvailRing + 2 * slot);
  if (head >= setup_.size) {
    fail(QueueFault::kHeadOutOfRange);
    return std::nullopt;
  }
  std::optional<DescriptorChain> chain(std::in_place, *memory_, head);
  if (const auto fault = walk(head, *chain)) {
    chain->release();
    fail(*fault);
    return std::nullopt;
  }
  ++next_avail_;
  return chain;
}

std::optional<QueueFault> VirtQueue::walk(std::uint16_t head, DescriptorChain& chain) const noexcept {
  GuestAddress table = setup_.descriptors;
  std::uint32_t table_size = setup_.size;
  std::uint32_t index = head;
  bool indirect = false;
  for (unsigned count = 0; count < setup_.size;) {
    const auto at = table.plus(sizeof(Descriptor) * std::uint64_t{index});
    const auto descriptor = at ? memory_->read<Descriptor>(*at) : std::nullopt;
    if (!descriptor) {
      return QueueFault::kBufferOutsideMemory;
    }
    if ((descriptor->flags & kDescriptorIndirect) != 0) {
      if ((features_ & kFeatureIndirectDescriptors) == 0) {
        return QueueFault::kIndirectNotNegotiated;
      }
      if (indirect || (descriptor->flags & kDescriptorNext) != 0) {
        return QueueFault::kIndirectNested;
      }
      if (descriptor->bytes == 0 || descriptor->bytes % sizeof(Descriptor) != 0) {
        return QueueFault::kIndirectLength;
      }
      // 2.7.5.3.2: the device MUST ignore the write-only flag here, and handle direct descriptors before it.
      indirect = true;
      table = GuestAddress(descriptor->address);
      table_size = descriptor->bytes / static_cast<std::uint32_t>(sizeof(Descriptor));
      index = 0;
      continue;
    }
    ++count;
    if (const auto fault = chain.append(*descriptor)) {
      return fault;
    }
    if ((descriptor->flags & kDescriptorNext) == 0) {
      return std::nullopt;
    }
    index = descriptor->next;
    if (index >= table_size) {
      return QueueFault::kNextOutOfRange;
    }
  }
  return QueueFault::kChainTooLong;
}

void VirtQueue::put_back(DescriptorChain&& chain) noexcept {
  MAYFLY_ASSERT(chain.written() == 0);
  chain.release();
  --next_avail_;
}

void VirtQueue::push_used(DescriptorChain&& chain) noexcept {
  const UsedElement element{chain.head(), chain.written()};
  chain.release();
  if (memory_ == nullptr) {
    return;
  }
  const std::uint64_t slot = next_used_ & (setup_.size - 1U);
  MAYFLY_ASSERT(
      memory_->write(GuestAddress(setup_.device_area.raw() + kUsedRing + sizeof(element) * slot), element));
  // 2.7.8.2: the element before the index that makes it visible.
  std::atomic_thread_fence(std::memory_order_release);
  store(setup_.device_area, kUsedIndex, ++next_used_);
}

void VirtQueue::signal() noexcept {
  if (memory_ == nullptr || next_used_ == signalled_used_) {
    return;
  }
  const std::uint16_t before = std::exchange(signalled_used_, next_used_);
  // The index before the question: a driver that turns interrupts on looks at the index afterwards.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  const bool wanted = (features_ & kFeatureEventIndex) != 0
                          ? passes_event(load(setup_.driver_area, used_event_at()), next_used_, before)
                          : (load(setup_.driver_area, kAvailFlags) & kAvailNoInterrupt) == 0;
  if (wanted) {
    link_->queue_interrupt(setup_.index);
  }
}

void VirtQueue::fail(QueueFault fault) noexcept {
  if (memory_ == nullptr) {
    return;
  }
  memory_ = nullptr;
  link_->needs_reset(setup_.index, fault);
}

}  // namespace mayfly::virtio
