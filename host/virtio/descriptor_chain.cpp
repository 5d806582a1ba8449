// SPDX-License-Identifier: Apache-2.0
#include "virtio/descriptor_chain.hpp"

#include <algorithm>
#include <utility>

#include "base/checked.hpp"
#include "base/error.hpp"

namespace mayfly::virtio {

DescriptorChain::DescriptorChain(DescriptorChain&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)),
      head_(other.head_),
      count_(other.count_),
      reader_(other.reader_),
      writer_(other.writer_),
      readable_(other.readable_),
      writable_(other.writable_),
      written_(other.written_) {
  std::copy_n(other.segments_.begin(), count_, segments_.begin());
}

DescriptorChain::~DescriptorChain() { MAYFLY_ASSERT(memory_ == nullptr); }

std::optional<QueueFault> DescriptorChain::append(const Descriptor& descriptor) noexcept {
  const bool writable = (descriptor.flags & kDescriptorWrite) != 0;
  if (!writable && writable_ > 0) {
    return QueueFault::kReadableAfterWritable;
  }
  if (descriptor.bytes == 0) {
    return std::nullopt;
  }
  if (count_ == kSegmentsMax) {
    return QueueFault::kChainTooLong;
  }
  // 2.7.5.3.1: a driver MUST NOT add a chain longer than 2^32 bytes in total.
  if (readable_ + writable_ + descriptor.bytes > 4 * kGiB) {
    return QueueFault::kBytesTooMany;
  }
  if (!memory_->host_range({GuestAddress(descriptor.address), descriptor.bytes})) {
    return QueueFault::kBufferOutsideMemory;
  }
  segments_[count_++] = {descriptor.address, descriptor.bytes};
  if (writable) {
    writable_ += descriptor.bytes;
  } else {
    readable_ += descriptor.bytes;
    writer_.segment = count_;
  }
  return std::nullopt;
}

GuestRange DescriptorChain::piece(const Cursor& cursor, std::uint64_t bytes_max) const noexcept {
  const Segment& segment = segments_[cursor.segment];
  return {GuestAddress(segment.address + cursor.offset),
          std::min<std::uint64_t>(segment.bytes - cursor.offset, bytes_max)};
}

void DescriptorChain::advance(Cursor& cursor, std::uint64_t bytes) const noexcept {
  cursor.offset += static_cast<std::uint32_t>(bytes);
  if (cursor.offset == segments_[cursor.segment].bytes) {
    cursor = {cursor.segment + 1, 0};
  }
}

std::size_t DescriptorChain::read(std::span<std::byte> out) noexcept {
  std::size_t done = 0;
  while (done < out.size() && readable_ > 0) {
    const GuestRange from = piece(reader_, out.size() - done);
    MAYFLY_ASSERT(memory_->copy_out(from.start, out.subspan(done, from.bytes)));
    advance(reader_, from.bytes);
    readable_ -= from.bytes;
    done += from.bytes;
  }
  return done;
}

std::size_t DescriptorChain::write(std::span<const std::byte> in) noexcept {
  std::size_t done = 0;
  while (done < in.size() && writable_ > 0) {
    const GuestRange to = piece(writer_, in.size() - done);
    MAYFLY_ASSERT(memory_->copy_in(to.start, in.subspan(done, to.bytes)));
    commit(to.bytes);
    done += to.bytes;
  }
  return done;
}

void DescriptorChain::write_last(std::byte value) noexcept {
  MAYFLY_ASSERT(writable_ > 0);
  const Segment& last = segments_[count_ - 1];
  MAYFLY_ASSERT(memory_->copy_in(GuestAddress(last.address + last.bytes - 1), {&value, 1}));
  if (writable_ == 1) {
    commit(1);
  }
}

std::span<iovec> DescriptorChain::pieces(Cursor cursor, std::uint64_t bytes,
                                         std::span<iovec> room) const noexcept {
  std::size_t count = 0;
  for (; bytes > 0 && count < room.size(); ++count) {
    const GuestRange next = piece(cursor, bytes);
    const auto host = memory_->host_range(next);
    MAYFLY_ASSERT(host.has_value());
    room[count] = *host;
    advance(cursor, next.bytes);
    bytes -= next.bytes;
  }
  return room.first(count);
}

std::span<iovec> DescriptorChain::readable_pieces(std::uint64_t bytes_max,
                                                  std::span<iovec> room) const noexcept {
  return pieces(reader_, std::min(readable_, bytes_max), room);
}

std::span<iovec> DescriptorChain::writable_pieces(std::uint64_t skipped,
                                                  std::span<iovec> room) const noexcept {
  if (skipped >= writable_) {
    return {};
  }
  Cursor cursor = writer_;
  for (std::uint64_t left = skipped; left > 0;) {
    const std::uint64_t step = piece(cursor, left).bytes;
    advance(cursor, step);
    left -= step;
  }
  return pieces(cursor, writable_ - skipped, room);
}

std::optional<iovec> DescriptorChain::writable_piece(std::size_t bytes_max) const noexcept {
  if (writable_ == 0 || bytes_max == 0) {
    return std::nullopt;
  }
  return memory_->host_range(piece(writer_, bytes_max));
}

void DescriptorChain::commit(std::size_t bytes) noexcept {
  MAYFLY_ASSERT(bytes <= writable_);
  for (std::uint64_t left = bytes; left > 0;) {
    const std::uint64_t step = piece(writer_, left).bytes;
    advance(writer_, step);
    left -= step;
  }
  writable_ -= bytes;
  written_ += static_cast<std::uint32_t>(bytes);
}

}  // namespace mayfly::virtio
