// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/mapping.hpp"
#include "io/block_store.hpp"
#include "vmm/run_config.hpp"

namespace mayfly::vmm {

/// A file of the host, regular or a block device, whose bytes are a disk's.
///
/// Locked (flock) as long as it is open: by one run that writes it, or by any number that read it. What goes
/// wrong with it while it is used is told once on stderr, and each time to who called.
class Disk final : public io::BlockStore {
 public:
  /// Opens and locks it; makes none. Throws Error that names the mend.
  explicit Disk(const DiskDevice& device);

  [[nodiscard]] const io::BlockShape& shape() const noexcept override { return shape_; }
  [[nodiscard]] int read(std::span<const iovec> buffers, std::uint64_t offset) noexcept override;
  [[nodiscard]] int write(std::span<const iovec> buffers, std::uint64_t offset) noexcept override;
  [[nodiscard]] int flush() noexcept override;
  [[nodiscard]] int discard(std::uint64_t offset, std::uint64_t bytes) noexcept override;
  [[nodiscard]] int zero(std::uint64_t offset, std::uint64_t bytes, io::Unmap unmap) noexcept override;

 private:
  enum class Way : std::uint8_t { kRead, kWrite };

  void take_direct();
  [[nodiscard]] int move(Way way, std::span<const iovec> buffers, std::uint64_t offset) noexcept;
  [[nodiscard]] int move_whole(Way way, std::span<const iovec> buffers, std::uint64_t offset) noexcept;
  [[nodiscard]] int bounce(Way way, std::span<const iovec> buffers, std::uint64_t offset) noexcept;
  [[nodiscard]] int write_zeros(std::uint64_t offset, std::uint64_t bytes) noexcept;
  [[nodiscard]] bool are_aligned(std::span<const iovec> buffers) const noexcept;
  [[nodiscard]] int tell(int error) noexcept;

  std::string path_;
  Fd fd_;
  io::BlockShape shape_;
  bool is_device_ = false;
  /// What buffers are aligned to; 1: anything.
  std::size_t buffer_alignment_ = 1;
  /// Takes the place of buffers that are not, one call after the other.
  std::mutex bounce_mutex_;
  Mapping bounce_;
  /// One at a time: a failure of the host is told to one of those who ask, so the others ask after it.
  std::mutex flush_mutex_;
  bool has_lost_writes_ = false;
  /// A file of which another process has cut off a part: what is written beyond its end would make zeros of
  /// what was lost, and nobody would know.
  std::atomic<bool> is_short_{false};
  std::atomic<bool> is_told_{false};
};

/// All disks of a guest, in the order of the configuration. Throws Error.
[[nodiscard]] std::vector<std::unique_ptr<io::BlockStore>> open_disks(const std::vector<DiskDevice>& devices);

}  // namespace mayfly::vmm
