// SPDX-License-Identifier: Apache-2.0
#include "virtio/descriptor_chain.hpp"

#include <algorithm>
#include <cstring>
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
  const auto host = memory_->host_range({GuestAddress(descriptor.address), descriptor.bytes});
  if (!host) {
    return QueueFault::kBufferOutsideMemory;
  }
  segments_[count_++] = {static_cast<std::byte*>(host->iov_base), descriptor.bytes};
  if (writable) {
    writable_ += descriptor.bytes;
  } else {
    readable_ += descriptor.bytes;
    writer_.segment = count_;
  }
  return std::nullopt;
}

iovec DescriptorChain::piece(const Cursor& cursor, std::uint64_t bytes_max) const noexcept {
  const Segment& segment = segments_[cursor.segment];
  return {segment.at + cursor.offset, std::min<std::uint64_t>(segment.bytes - cursor.offset, bytes_max)};
}

void DescriptorChain::advance(Cursor& cursor, std::uint64_t bytes) const noexcept {
  while (bytes > 0) {
    const std::uint32_t left = segments_[cursor.segment].bytes - cursor.offset;
    if (bytes < left) {
      cursor.offset += static_cast<std::uint32_t>(bytes);
      return;
    }
    cursor = {cursor.segment + 1, 0};
    bytes -= left;
  }
}

std::size_t DescriptorChain::read(std::span<std::byte> out) noexcept {
  std::size_t done = 0;
  while (done < out.size() && readable_ > 0) {
    const iovec from = piece(reader_, out.size() - done);
    std::memcpy(out.data() + done, from.iov_base, from.iov_len);
    advance(reader_, from.iov_len);
    readable_ -= from.iov_len;
    done += from.iov_len;
  }
  return done;
}

std::size_t DescriptorChain::write(std::span<const std::byte> in) noexcept {
  std::size_t done = 0;
  while (done < in.size() && writable_ > 0) {
    const iovec to = piece(writer_, in.size() - done);
    std::memcpy(to.iov_base, in.data() + done, to.iov_len);
    commit(to.iov_len);
    done += to.iov_len;
  }
  return done;
}

void DescriptorChain::write_last(std::byte value) noexcept {
  MAYFLY_ASSERT(writable_ > 0);
  const Segment& last = segments_[count_ - 1];
  last.at[last.bytes - 1] = value;
  if (writable_ == 1) {
    commit(1);
  }
}

std::span<iovec> DescriptorChain::pieces(Cursor cursor, std::uint64_t bytes,
                                         std::span<iovec> room) const noexcept {
  std::size_t count = 0;
  for (; bytes > 0 && count < room.size(); ++count) {
    room[count] = piece(cursor, bytes);
    advance(cursor, room[count].iov_len);
    bytes -= room[count].iov_len;
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
  advance(cursor, skipped);
  return pieces(cursor, writable_ - skipped, room);
}

std::optional<iovec> DescriptorChain::writable_piece(std::size_t bytes_max) const noexcept {
  if (writable_ == 0 || bytes_max == 0) {
    return std::nullopt;
  }
  return piece(writer_, bytes_max);
}

void DescriptorChain::commit(std::size_t bytes) noexcept {
  MAYFLY_ASSERT(bytes <= writable_);
  advance(writer_, bytes);
  writable_ -= bytes;
  written_ += static_cast<std::uint32_t>(bytes);
}

}  // namespace mayfly::virtio
