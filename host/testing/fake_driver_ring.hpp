// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "memory/guest_memory.hpp"
#include "virtio/spec.hpp"
#include "virtio/virt_queue.hpp"

namespace mayfly::testing {

/// The driver's side of a split virtqueue in guest memory, honest as long as the raw calls are not used:
///
///   ring.chain().readable("abc").writable(16).publish();
///   ... the device works ...
///   ring.take_used()->text == "..."
///
/// Its areas, then its buffers, lie in [base, base + kBytes). Descriptors are used round and round, so no
/// more than `size` may be in use. One thread.
class FakeDriverRing {
 public:
  static constexpr std::uint64_t kBytes = 0x20000;

  /// One chain that the device has given back: its used element and the start of its first writable buffer.
  struct Used {
    std::uint32_t head = 0;
    std::uint32_t bytes = 0;
    std::string text;
  };

  /// A chain being built; nothing is visible to the device before publish().
  class Chain {
   public:
    Chain& readable(std::string_view text) {
      const GuestAddress at = ring_.buffer(text.size());
      ring_.check(ring_.memory_.copy_in(at, std::as_bytes(std::span(text))));
      return add({at.raw(), static_cast<std::uint32_t>(text.size()), 0, 0});
    }
    Chain& writable(std::uint32_t bytes) {
      return add({ring_.buffer(bytes).raw(), bytes, virtio::kDescriptorWrite, 0});
    }
    /// Any descriptor; NEXT and next are set later.
    Chain& add(virtio::Descriptor descriptor) {
      descriptors_.push_back(descriptor);
      return *this;
    }
    /// From here on into an indirect table.
    Chain& indirect() {
      direct_ = descriptors_.size();
      return *this;
    }
    /// Writes the descriptors and makes the head available. Returns the head.
    std::uint16_t publish() {
      const std::size_t direct = direct_.value_or(descriptors_.size());
      std::vector<virtio::Descriptor> table(descriptors_.begin(),
                                            descriptors_.begin() + std::ptrdiff_t(direct));
      if (direct_) {
        std::span<virtio::Descriptor> rest(descriptors_.data() + direct, descriptors_.size() - direct);
        for (std::size_t i = 0; i + 1 < rest.size(); ++i) {
          rest[i].flags |= virtio::kDescriptorNext;
          rest[i].next = static_cast<std::uint16_t>(i + 1);
        }
        const GuestAddress at = ring_.buffer(rest.size_bytes());
        ring_.check(ring_.memory_.copy_in(at, std::as_bytes(rest)));
        table.push_back(
            {at.raw(), static_cast<std::uint32_t>(rest.size_bytes()), virtio::kDescriptorIndirect, 0});
      }
      const std::uint16_t head = ring_.next_descriptor_;
      for (std::size_t i = 0; i < table.size(); ++i) {
        const std::uint16_t at = ring_.next_descriptor_;
        ring_.next_descriptor_ = static_cast<std::uint16_t>((at + 1) % ring_.size());
        if (i + 1 < table.size()) {
          table[i].flags |= virtio::kDescriptorNext;
          table[i].next = ring_.next_descriptor_;
        }
        ring_.write_descriptor(at, table[i]);
      }
      ring_.publish_head(head);
      return head;
    }

   private:
    friend class FakeDriverRing;
    explicit Chain(FakeDriverRing& ring) : ring_(ring) {}
    FakeDriverRing& ring_;
    std::vector<virtio::Descriptor> descriptors_;
    std::optional<std::size_t> direct_;
  };

  FakeDriverRing(GuestMemory& memory, GuestAddress base, std::uint16_t size)
      : memory_(memory),
        setup_{.index = 0,
               .size = size,
               .descriptors = base,
               .driver_area = GuestAddress(base.raw() + 0x1000),
               .device_area = GuestAddress(base.raw() + 0x2000)},
        buffers_(base.raw() + 0x3000),
        next_buffer_(buffers_) {}

  [[nodiscard]] std::uint16_t size() const noexcept { return setup_.size; }
  [[nodiscard]] const virtio::QueueSetup& setup() const noexcept { return setup_; }
  [[nodiscard]] Chain chain() { return Chain(*this); }

  /// The next chain that the device has given back.
  std::optional<Used> take_used() {
    if (used_index() == next_used_) {
      return std::nullopt;
    }
    std::atomic_thread_fence(std::memory_order_acquire);
    const std::uint64_t slot = next_used_++ % size();
    const auto element =
        read<virtio::UsedElement>(setup_.device_area, virtio::kUsedRing + sizeof(virtio::UsedElement) * slot);
    Used used{.head = element.head, .bytes = element.bytes, .text = std::string(element.bytes, '\0')};
    if (const auto at = first_writable(static_cast<std::uint16_t>(element.head))) {
      check(memory_.copy_out(*at, std::as_writable_bytes(std::span(used.text))));
    }
    return used;
  }

  /// The driver's wishes and what it was told; the flags without, the events with VIRTIO_F_EVENT_IDX.
  void set_no_interrupt(std::uint16_t flags) { write(setup_.driver_area, virtio::kAvailFlags, flags); }
  void set_used_event(std::uint16_t event) {
    write(setup_.driver_area, virtio::kAvailRing + 2ULL * size(), event);
  }
  [[nodiscard]] std::uint16_t used_flags() const { return word(setup_.device_area, virtio::kUsedFlags); }
  [[nodiscard]] std::uint16_t avail_event() const {
    return word(setup_.device_area, virtio::kUsedRing + sizeof(virtio::UsedElement) * size());
  }
  [[nodiscard]] std::uint16_t used_index() const { return word(setup_.device_area, virtio::kUsedIndex); }

  // Raw: what an honest driver would not do.
  void write_descriptor(std::uint16_t at, const virtio::Descriptor& descriptor) {
    write(setup_.descriptors, sizeof(descriptor) * at, descriptor);
  }
  void publish_head(std::uint16_t head) {
    write(setup_.driver_area, virtio::kAvailRing + 2ULL * (avail_index_ % size()), head);
    set_avail_index(static_cast<std::uint16_t>(avail_index_ + 1));
  }
  void set_avail_index(std::uint16_t index) {
    std::atomic_thread_fence(std::memory_order_release);
    avail_index_ = index;
    write(setup_.driver_area, virtio::kAvailIndex, index);
  }
  [[nodiscard]] std::uint16_t avail_index() const noexcept { return avail_index_; }
  /// Forgets all that was shared. After a reset of the device, whose threads may look at it before.
  void clear() {
    const std::vector<std::byte> zeros(buffers_ - setup_.descriptors.raw());
    check(memory_.copy_in(setup_.descriptors, zeros));
    next_descriptor_ = avail_index_ = next_used_ = 0;
    next_buffer_ = buffers_;
  }

 private:
  static void check(bool ok) {
    if (!ok) {
      throw std::out_of_range("the fake driver left guest RAM");
    }
  }
  template <typename T>
  void write(GuestAddress area, std::uint64_t offset, const T& value) {
    check(memory_.write(GuestAddress(area.raw() + offset), value));
  }
  template <typename T>
  [[nodiscard]] T read(GuestAddress area, std::uint64_t offset) const {
    const auto value = memory_.read<T>(GuestAddress(area.raw() + offset));
    check(value.has_value());
    return *value;
  }
  [[nodiscard]] std::uint16_t word(GuestAddress area, std::uint64_t offset) const {
    return read<std::uint16_t>(area, offset);
  }
  GuestAddress buffer(std::uint64_t bytes) {
    const std::uint64_t end = setup_.descriptors.raw() + kBytes;
    if (next_buffer_ + bytes > end) {
      next_buffer_ = buffers_;
    }
    const GuestAddress at(next_buffer_);
    next_buffer_ += (bytes + 15) / 16 * 16;
    return at;
  }
  [[nodiscard]] std::optional<GuestAddress> first_writable(std::uint16_t index) const {
    GuestAddress table = setup_.descriptors;
    for (unsigned count = 0; count <= 2U * size(); ++count) {
      const auto descriptor = read<virtio::Descriptor>(table, sizeof(virtio::Descriptor) * index);
      if ((descriptor.flags & virtio::kDescriptorIndirect) != 0) {
        table = GuestAddress(descriptor.address);
        index = 0;
        continue;
      }
      if ((descriptor.flags & virtio::kDescriptorWrite) != 0) {
        return GuestAddress(descriptor.address);
      }
      if ((descriptor.flags & virtio::kDescriptorNext) == 0) {
        break;
      }
      index = descriptor.next;
    }
    return std::nullopt;
  }

  GuestMemory& memory_;
  virtio::QueueSetup setup_;
  std::uint64_t buffers_;
  std::uint64_t next_buffer_;
  std::uint16_t next_descriptor_ = 0;
  std::uint16_t avail_index_ = 0;
  std::uint16_t next_used_ = 0;
};

}  // namespace mayfly::testing
