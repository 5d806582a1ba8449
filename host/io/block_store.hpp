// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <sys/uio.h>

namespace mayfly::io {

/// What a disk is like. Sizes are powers of two, in bytes.
struct BlockShape {
  /// All that it holds; a multiple of `unit_bytes`.
  std::uint64_t bytes = 0;
  /// The least that it reads and writes, 512 or more.
  std::uint32_t unit_bytes = 512;
  /// The least that it writes without reading what is beside, `unit_bytes` or more.
  std::uint32_t best_bytes = 4096;
  bool is_read_only = false;
};

/// Whether what is made zero may be given back to the host.
enum class Unmap : std::uint8_t { kNo, kMay };

/// The host side of a block device. Offsets and lengths, in bytes, lie within its shape. A call waits until
/// it is done: 0, or the errno of what failed, and then what it was to change may have any part of the
/// change. Any number of threads at once.
class BlockStore {
 public:
  /// Of buffers, for one call.
  static constexpr std::size_t kBuffersMax = 64;

  BlockStore() = default;
  BlockStore(const BlockStore&) = delete;
  BlockStore& operator=(const BlockStore&) = delete;
  virtual ~BlockStore() = default;

  /// Does not change.
  [[nodiscard]] virtual const BlockShape& shape() const noexcept = 0;

  /// Fills all of `buffers` with what is at `offset`.
  [[nodiscard]] virtual int read(std::span<const iovec> buffers, std::uint64_t offset) noexcept = 0;
  /// Puts all of `buffers`, foreign and unchecked, at `offset`.
  [[nodiscard]] virtual int write(std::span<const iovec> buffers, std::uint64_t offset) noexcept = 0;
  /// What was written by calls that ended before this one began is there after a loss of power. Once it has
  /// failed it fails for ever: what the host could not write then it has dropped.
  [[nodiscard]] virtual int flush() noexcept = 0;
  /// Nobody needs what is there any more; the host may take its place back, or not.
  [[nodiscard]] virtual int discard(std::uint64_t offset, std::uint64_t bytes) noexcept = 0;
  /// Makes it zero.
  [[nodiscard]] virtual int zero(std::uint64_t offset, std::uint64_t bytes, Unmap unmap) noexcept = 0;
};

}  // namespace mayfly::io
