// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <sys/uio.h>

#include "memory/guest_memory.hpp"
#include "virtio/queue_fault.hpp"
#include "virtio/spec.hpp"

namespace mayfly::virtio {

/// One request of the driver: buffers to read, then buffers to write, all found to lie in RAM.
///
/// A copy made once: the driver changing its descriptors afterwards changes nothing here. It must be given
/// back to its queue, by push_used() or put_back(); losing one is our error. Reads and writes go forward
/// only.
class DescriptorChain {
 public:
  /// A longer chain is a fault, also of a larger queue.
  static constexpr std::size_t kSegmentsMax = 64;

  /// An empty chain that begins at descriptor `head`; VirtQueue fills it.
  DescriptorChain(GuestMemory& memory, std::uint16_t head) noexcept : memory_(&memory), head_(head) {}
  DescriptorChain(DescriptorChain&& other) noexcept;
  DescriptorChain& operator=(DescriptorChain&&) = delete;
  ~DescriptorChain();

  /// Appends the descriptor's buffer, or says what is wrong with it.
  [[nodiscard]] std::optional<QueueFault> append(const Descriptor& descriptor) noexcept;

  /// What is left to read and to write, in bytes; together at most 2^32.
  [[nodiscard]] std::uint64_t readable() const noexcept { return readable_; }
  [[nodiscard]] std::uint64_t writable() const noexcept { return writable_; }
  /// What has been written: the length that the used ring will tell.
  [[nodiscard]] std::uint32_t written() const noexcept { return written_; }
  [[nodiscard]] std::uint16_t head() const noexcept { return head_; }

  /// Copies the next bytes out; the number is less than out.size() only at the end of what can be read.
  [[nodiscard]] std::size_t read(std::span<std::byte> out) noexcept;
  /// Copies `in` to the next bytes; the number is less than in.size() only when the buffers are full.
  std::size_t write(std::span<const std::byte> in) noexcept;
  /// Writes the last of the bytes to write, of which there is one, wherever the next one is. It counts as
  /// written where it is the next.
  void write_last(std::byte value) noexcept;
  /// The next bytes to read, `bytes_max` at most, as pieces for a system call: as many as `room` has place
  /// for.
  [[nodiscard]] std::span<iovec> readable_pieces(std::uint64_t bytes_max,
                                                 std::span<iovec> room) const noexcept;
  /// The same of those to write, but for the first `skipped`; they count as written only after commit().
  [[nodiscard]] std::span<iovec> writable_pieces(std::uint64_t skipped, std::span<iovec> room) const noexcept;
  /// The next contiguous bytes to write, `bytes_max` at most and never empty, for a system call to fill; they
  /// count as written only after commit(). Nothing when the buffers are full.
  [[nodiscard]] std::optional<iovec> writable_piece(std::size_t bytes_max) const noexcept;
  /// Counts the next `bytes`, of writable_piece() or writable_pieces(), as written.
  void commit(std::size_t bytes) noexcept;

  /// Ends the duty to give this chain back; for VirtQueue.
  void release() noexcept { memory_ = nullptr; }

 private:
  /// A buffer, at the address that it has here: RAM stays where it is.
  struct Segment {
    std::byte* at;
    std::uint32_t bytes;
  };
  /// A place in the segments.
  struct Cursor {
    std::size_t segment = 0;
    std::uint32_t offset = 0;
  };
  /// The rest of the cursor's segment, at most `bytes_max`; the cursor must not be at the end.
  [[nodiscard]] iovec piece(const Cursor& cursor, std::uint64_t bytes_max) const noexcept;
  /// Over `bytes`, which are there.
  void advance(Cursor& cursor, std::uint64_t bytes) const noexcept;
  /// `bytes` from `cursor` on, which are there.
  [[nodiscard]] std::span<iovec> pieces(Cursor cursor, std::uint64_t bytes,
                                        std::span<iovec> room) const noexcept;

  GuestMemory* memory_;
  std::uint16_t head_;
  std::size_t count_ = 0;
  Cursor reader_;
  Cursor writer_;
  std::uint64_t readable_ = 0;
  std::uint64_t writable_ = 0;
  std::uint32_t written_ = 0;
  /// Not initialised beyond count_: a chain is made for each request.
  std::array<Segment, kSegmentsMax> segments_;
};

}  // namespace mayfly::virtio
