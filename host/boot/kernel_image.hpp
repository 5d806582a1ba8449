// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.hpp"
#include "boot/byte_source.hpp"
#include "memory/guest_address.hpp"
#include "memory/guest_memory.hpp"

namespace mayfly::boot {

/// Why a file cannot be booted as a guest kernel.
enum class KernelFault {
  kEmpty,
  kBzImage,
  kGzip,
  kXz,
  kZstd,
  kBzip2,
  kLz4,
  kLzma,
  kLzo,
  kNotElf,
  kTruncated,
  kNot64Bit,
  kNotLittleEndian,
  kNotX86,
  kNotExecutable,
  kBadProgramHeaders,
  kNoSegments,
  kTooManySegments,
  kBadSegment,
  kSegmentsOverlap,
  kNotesTooLarge,
  kNoPvhNote,
  kBadPvhNote,
  kEntryOutside,
  kLargerThanMemory,
  kBeyondMemory,
  kOverlapsBootData,
};

/// What is wrong and what mends it: goes after "cannot boot FILE: ", no final stop.
[[nodiscard]] std::string_view describe(KernelFault fault) noexcept;

/// What to load where, out of an uncompressed ELF vmlinux.
struct KernelImage {
  /// One PT_LOAD: file bytes go to the front of `memory`, the rest of it is zero.
  struct Segment {
    std::uint64_t file_offset = 0;
    std::uint64_t file_bytes = 0;
    GuestRange memory;
  };
  static constexpr std::size_t kSegmentsMax = 16;

  std::array<Segment, kSegmentsMax> segments{};
  std::size_t count = 0;
  /// 32-bit physical entry point, inside the file part of a segment.
  GuestAddress entry;

  [[nodiscard]] std::span<const Segment> loads() const noexcept { return {segments.data(), count}; }
};

/// Reads ELF header, program headers and notes of a vmlinux with a PVH note (XEN_ELFNOTE_PHYS32_ENTRY).
///
/// All that a KernelImage says holds: file ranges lie inside the file, memory ranges do not overflow or
/// overlap. Any thread. Source: ELF-64 object file format; Xen, public/elfnote.h; Linux,
/// Documentation/arch/x86/boot.rst.
[[nodiscard]] Result<KernelImage, KernelFault> parse_elf(const ByteSource& file) noexcept;

/// Why `image` does not fit a guest with this RAM, whose boot data lies in `reserved`; nothing when it fits.
[[nodiscard]] std::optional<KernelFault> check_placement(const KernelImage& image,
                                                         std::span<const GuestMemory::Region> ram,
                                                         std::span<const GuestRange> reserved) noexcept;

}  // namespace mayfly::boot
