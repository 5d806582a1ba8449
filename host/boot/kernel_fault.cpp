// SPDX-License-Identifier: Apache-2.0
#include "boot/kernel_image.hpp"

namespace mayfly::boot {

std::string_view describe(KernelFault fault) noexcept {
  switch (fault) {
    case KernelFault::kEmpty:
      return "it is empty";
    case KernelFault::kBzImage:
      return "it is a bzImage, which is compressed; take the ELF out of it with scripts/extract-vmlinux of "
             "the "
             "kernel source, or build one with 'make vmlinux'";
    case KernelFault::kGzip:
      return "it is compressed by gzip; unpack it with 'gzip -d'";
    case KernelFault::kXz:
      return "it is compressed by xz; unpack it with 'xz -d'";
    case KernelFault::kZstd:
      return "it is compressed by zstd; unpack it with 'zstd -d'";
    case KernelFault::kBzip2:
      return "it is compressed by bzip2; unpack it with 'bzip2 -d'";
    case KernelFault::kLz4:
      return "it is compressed by lz4; unpack it with 'lz4 -d'";
    case KernelFault::kLzma:
      return "it is compressed by lzma; unpack it with 'xz -d --format=lzma'";
    case KernelFault::kLzo:
      return "it is compressed by lzop; unpack it with 'lzop -d'";
    case KernelFault::kNotElf:
      return "it is not an ELF file; give an uncompressed vmlinux";
    case KernelFault::kTruncated:
      return "it is truncated: its headers point behind its end; copy or build it again";
    case KernelFault::kNot64Bit:
      return "it is not a 64-bit ELF file; build the kernel with CONFIG_64BIT";
    case KernelFault::kNotLittleEndian:
      return "it is not a little-endian ELF file; give a kernel for x86-64";
    case KernelFault::kNotX86:
      return "it is for another processor; give a kernel for x86-64";
    case KernelFault::kNotExecutable:
      return "it is an ELF file but not an executable one; give the vmlinux, not an object, module or "
             "library";
    case KernelFault::kBadProgramHeaders:
      return "its ELF program headers are missing or of a wrong size or number; build it again";
    case KernelFault::kNoSegments:
      return "it has nothing to load (no PT_LOAD segment); give a linked vmlinux";
    case KernelFault::kTooManySegments:
      return "it has more than 16 segments to load; give a plain vmlinux";
    case KernelFault::kBadSegment:
      return "one of its segments has impossible sizes or wraps around the end of memory; build it again";
    case KernelFault::kSegmentsOverlap:
      return "two of its segments overlap in memory; build it again";
    case KernelFault::kNotesTooLarge:
      return "its ELF notes are larger than 16 KiB; give a plain vmlinux";
    case KernelFault::kNoPvhNote:
      return "it has no PVH entry point; build the kernel with CONFIG_PVH=y";
    case KernelFault::kBadPvhNote:
      return "its PVH note has a wrong size; build it again";
    case KernelFault::kEntryOutside:
      return "its PVH entry point lies outside its segments or above 4 GiB; build it again";
    case KernelFault::kLargerThanMemory:
      return "it is larger than the guest's memory; give more with --memory";
    case KernelFault::kBeyondMemory:
      return "one of its segments lies beyond the guest's memory; give more with --memory, or build the "
             "kernel "
             "with a lower CONFIG_PHYSICAL_START";
    case KernelFault::kOverlapsBootData:
      return "one of its segments lies where the boot data goes, below 1 MiB; build the kernel with a higher "
             "CONFIG_PHYSICAL_START";
  }
  return "it is not a kernel";
}

}  // namespace mayfly::boot
