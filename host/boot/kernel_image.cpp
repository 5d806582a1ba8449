// SPDX-License-Identifier: Apache-2.0
#include "boot/kernel_image.hpp"

#include <algorithm>
#include <cstring>

#include <elf.h>

#include "base/checked.hpp"

namespace mayfly::boot {
namespace {

constexpr std::size_t kProgramHeadersMax = 64;
constexpr std::size_t kNoteBytesMax = 16384;
constexpr std::uint32_t kPhys32Entry = 18;  // XEN_ELFNOTE_PHYS32_ENTRY
constexpr std::string_view kXenName{"Xen\0", 4};

struct ProgramHeaders {
  std::array<Elf64_Phdr, kProgramHeadersMax> entries;
  std::size_t count = 0;
  [[nodiscard]] std::span<const Elf64_Phdr> all() const noexcept { return {entries.data(), count}; }
};

struct Magic {
  std::string_view bytes;
  KernelFault fault;
};
// \67 is a 7: after a hexadecimal escape a digit would belong to it.
constexpr std::array kCompressed = {
    Magic{{"\x1f\x8b", 2}, KernelFault::kGzip},         Magic{{"\xfd\67zXZ\0", 6}, KernelFault::kXz},
    Magic{{"\x28\xb5\x2f\xfd", 4}, KernelFault::kZstd}, Magic{{"BZh", 3}, KernelFault::kBzip2},
    Magic{{"\x02\x21\x4c\x18", 4}, KernelFault::kLz4},  Magic{{"\x04\x22\x4d\x18", 4}, KernelFault::kLz4},
    Magic{{"\x5d\0\0", 3}, KernelFault::kLzma},         Magic{{"\x89LZO\0\r\n\x1a\n", 9}, KernelFault::kLzo},
};

template <typename T>
std::span<std::byte> bytes_of(T& value) noexcept {
  return std::as_writable_bytes(std::span(&value, 1));
}

// Boot protocol: 0xaa55 at 0x1fe, "HdrS" at 0x202.
bool is_bzimage(const ByteSource& file) noexcept {
  std::array<char, 8> setup{};
  return file.read(0x1fe, std::as_writable_bytes(std::span(setup))) &&
         std::string_view(setup.data(), 2) == "\x55\xaa" && std::string_view(setup.data() + 4, 4) == "HdrS";
}

KernelFault identify_other(const ByteSource& file) noexcept {
  if (file.size() == 0) {
    return KernelFault::kEmpty;
  }
  if (is_bzimage(file)) {
    return KernelFault::kBzImage;
  }
  std::array<char, 16> head{};
  const std::size_t bytes = static_cast<std::size_t>(std::min<std::uint64_t>(file.size(), head.size()));
  if (file.read(0, std::as_writable_bytes(std::span(head)).first(bytes))) {
    for (const Magic& magic : kCompressed) {
      if (std::string_view(head.data(), bytes).starts_with(magic.bytes)) {
        return magic.fault;
      }
    }
  }
  return KernelFault::kNotElf;
}

Result<Elf64_Ehdr, KernelFault> read_header(const ByteSource& file) noexcept {
  Elf64_Ehdr header{};
  if (!file.read(0, bytes_of(header.e_ident).first(SELFMAG)) ||
      std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
    return unexpected(identify_other(file));
  }
  if (!file.read(0, bytes_of(header))) {
    return unexpected(KernelFault::kTruncated);
  }
  if (header.e_ident[EI_CLASS] != ELFCLASS64) {
    return unexpected(KernelFault::kNot64Bit);
  }
  if (header.e_ident[EI_DATA] != ELFDATA2LSB) {
    return unexpected(KernelFault::kNotLittleEndian);
  }
  if (header.e_machine != EM_X86_64) {
    return unexpected(KernelFault::kNotX86);
  }
  if (header.e_type != ET_EXEC) {
    return unexpected(KernelFault::kNotExecutable);
  }
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == 0 ||
      header.e_phnum > kProgramHeadersMax) {
    return unexpected(KernelFault::kBadProgramHeaders);
  }
  return header;
}

Result<ProgramHeaders, KernelFault> read_program_headers(const ByteSource& file) noexcept {
  const auto header = read_header(file);
  if (!header) {
    return unexpected(header.error());
  }
  ProgramHeaders headers;
  headers.count = header->e_phnum;
  if (!file.read(header->e_phoff, std::as_writable_bytes(std::span(headers.entries).first(headers.count)))) {
    return unexpected(KernelFault::kTruncated);
  }
  return headers;
}

// Neither end overflows: parse_elf and GuestMemory see to that.
bool overlap(GuestRange a, GuestRange b) noexcept {
  return a.start.raw() < b.start.raw() + b.bytes && b.start.raw() < a.start.raw() + a.bytes;
}

std::optional<KernelFault> add_segment(KernelImage& image, const Elf64_Phdr& header,
                                       std::uint64_t file_size) noexcept {
  if (header.p_memsz == 0 && header.p_filesz == 0) {
    return std::nullopt;
  }
  if (header.p_filesz > header.p_memsz || !checked_add<std::uint64_t>(header.p_paddr, header.p_memsz)) {
    return KernelFault::kBadSegment;
  }
  const auto file_end = checked_add<std::uint64_t>(header.p_offset, header.p_filesz);
  if (!file_end || *file_end > file_size) {
    return KernelFault::kTruncated;
  }
  if (image.count == KernelImage::kSegmentsMax) {
    return KernelFault::kTooManySegments;
  }
  const GuestRange memory{GuestAddress(header.p_paddr), header.p_memsz};
  for (const KernelImage::Segment& other : image.loads()) {
    if (overlap(memory, other.memory)) {
      return KernelFault::kSegmentsOverlap;
    }
  }
  image.segments[image.count++] = {header.p_offset, header.p_filesz, memory};
  return std::nullopt;
}

// The entry point in one block of notes; kNoPvhNote when it has none.
Result<GuestAddress, KernelFault> find_entry(std::span<const std::byte> notes,
                                             std::uint64_t alignment) noexcept {
  while (notes.size() >= sizeof(Elf64_Nhdr)) {
    Elf64_Nhdr note{};
    std::memcpy(&note, notes.data(), sizeof(note));
    const std::uint64_t name_at = sizeof(note);
    const std::uint64_t value_at = align_up(name_at + note.n_namesz, alignment);
    const std::uint64_t value_end = value_at + note.n_descsz;  // 32-bit sizes: no overflow
    if (value_end > notes.size()) {
      return unexpected(KernelFault::kTruncated);
    }
    if (note.n_type == kPhys32Entry && note.n_namesz == kXenName.size() &&
        std::memcmp(notes.data() + name_at, kXenName.data(), kXenName.size()) == 0) {
      std::uint64_t entry = 0;
      if (note.n_descsz != sizeof(std::uint32_t) && note.n_descsz != sizeof(entry)) {
        return unexpected(KernelFault::kBadPvhNote);
      }
      std::memcpy(&entry, notes.data() + value_at, note.n_descsz);
      return GuestAddress(entry);
    }
    notes = notes.subspan(std::min<std::size_t>(align_up(value_end, alignment), notes.size()));
  }
  return unexpected(KernelFault::kNoPvhNote);
}

Result<GuestAddress, KernelFault> read_entry(const ByteSource& file, const ProgramHeaders& headers) noexcept {
  std::array<std::byte, kNoteBytesMax> buffer;
  for (const Elf64_Phdr& header : headers.all()) {
    if (header.p_type != PT_NOTE) {
      continue;
    }
    if (header.p_filesz > buffer.size()) {
      return unexpected(KernelFault::kNotesTooLarge);
    }
    const auto notes = std::span(buffer).first(header.p_filesz);
    if (!file.read(header.p_offset, notes)) {
      return unexpected(KernelFault::kTruncated);
    }
    auto entry = find_entry(notes, header.p_align == 8 ? 8 : 4);
    if (entry || entry.error() != KernelFault::kNoPvhNote) {
      return entry;
    }
  }
  return unexpected(KernelFault::kNoPvhNote);
}

bool holds_code_at(const KernelImage::Segment& segment, GuestAddress address) noexcept {
  return GuestRange{segment.memory.start, segment.file_bytes}.contains(address);
}

}  // namespace

Result<KernelImage, KernelFault> parse_elf(const ByteSource& file) noexcept {
  const auto headers = read_program_headers(file);
  if (!headers) {
    return unexpected(headers.error());
  }
  KernelImage image;
  for (const Elf64_Phdr& header : headers->all()) {
    if (header.p_type != PT_LOAD) {
      continue;
    }
    if (const auto fault = add_segment(image, header, file.size())) {
      return unexpected(*fault);
    }
  }
  if (image.count == 0) {
    return unexpected(KernelFault::kNoSegments);
  }
  const auto entry = read_entry(file, *headers);
  if (!entry) {
    return unexpected(entry.error());
  }
  image.entry = *entry;
  const auto loads = image.loads();
  const bool inside =
      std::any_of(loads.begin(), loads.end(), [&](const auto& load) { return holds_code_at(load, *entry); });
  if (!inside || entry->raw() > UINT32_MAX) {
    return unexpected(KernelFault::kEntryOutside);
  }
  return image;
}

std::optional<KernelFault> check_placement(const KernelImage& image, std::span<const GuestMemory::Region> ram,
                                           std::span<const GuestRange> reserved) noexcept {
  std::uint64_t ram_bytes = 0;
  for (const GuestMemory::Region& region : ram) {
    ram_bytes += region.guest.bytes;
  }
  // Segments do not overlap, so that their sizes add up without overflow.
  std::uint64_t kernel_bytes = 0;
  for (const KernelImage::Segment& segment : image.loads()) {
    kernel_bytes += segment.memory.bytes;
  }
  if (kernel_bytes > ram_bytes) {
    return KernelFault::kLargerThanMemory;
  }
  for (const KernelImage::Segment& segment : image.loads()) {
    const auto holds = [&](const GuestMemory::Region& region) {
      return region.guest.contains(segment.memory.start) &&
             segment.memory.bytes <=
                 region.guest.bytes - (segment.memory.start.raw() - region.guest.start.raw());
    };
    if (std::none_of(ram.begin(), ram.end(), holds)) {
      return KernelFault::kBeyondMemory;
    }
    const auto hits = [&](GuestRange range) { return overlap(segment.memory, range); };
    if (std::any_of(reserved.begin(), reserved.end(), hits)) {
      return KernelFault::kOverlapsBootData;
    }
  }
  return std::nullopt;
}

}  // namespace mayfly::boot
