// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include <elf.h>

/// Small handmade kernels for tests.
namespace mayfly::boot::testing {

using Bytes = std::vector<std::byte>;

/// A note with a value of any size; name as it is stored, its NUL included.
inline Bytes note(std::string_view name, std::uint32_t type, std::span<const std::byte> value) {
  const Elf64_Nhdr header{static_cast<Elf64_Word>(name.size()), static_cast<Elf64_Word>(value.size()), type};
  const auto head = std::as_bytes(std::span(&header, 1));
  Bytes bytes(head.begin(), head.end());
  const auto append_padded = [&](std::span<const std::byte> part) {
    bytes.insert(bytes.end(), part.begin(), part.end());
    bytes.resize((bytes.size() + 3) & ~std::size_t{3});
  };
  append_padded(std::as_bytes(std::span(name)));
  append_padded(value);
  return bytes;
}

/// XEN_ELFNOTE_PHYS32_ENTRY.
template <typename Address>
Bytes pvh_note(Address entry) {
  return note(std::string_view("Xen\0", 4), 18, std::as_bytes(std::span(&entry, 1)));
}

/// A vmlinux in the making: headers at the front, then the notes, then `text`, which all segments load.
struct ElfFixture {
  static constexpr std::uint64_t kBase = 0x1000000;

  Elf64_Ehdr header{};
  std::vector<Elf64_Phdr> segments;
  Bytes notes = pvh_note(std::uint64_t{kBase});
  Bytes text = Bytes(4096, std::byte{0xf4});
  Elf64_Phdr note_header{};

  /// One segment at kBase, twice as large in memory as in the file, entered at its first byte.
  ElfFixture() {
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_EXEC;
    header.e_machine = EM_X86_64;
    header.e_version = EV_CURRENT;
    header.e_ehsize = sizeof(Elf64_Ehdr);
    header.e_phoff = sizeof(Elf64_Ehdr);
    header.e_phentsize = sizeof(Elf64_Phdr);
    note_header.p_type = PT_NOTE;
    note_header.p_align = 4;
    add_segment(kBase, 2 * text.size());
  }

  /// Adds a PT_LOAD of `text`, at a physical address.
  Elf64_Phdr& add_segment(std::uint64_t address, std::uint64_t memory_bytes) {
    Elf64_Phdr segment{};
    segment.p_type = PT_LOAD;
    segment.p_flags = PF_R | PF_X;
    segment.p_paddr = address;
    segment.p_filesz = text.size();
    segment.p_memsz = memory_bytes;
    segments.push_back(segment);
    return segments.back();
  }

  /// The file. Offsets that are 0, the note's size and the number of headers are filled in.
  [[nodiscard]] Bytes build() const {
    const std::size_t count = segments.size() + 1;
    const std::size_t notes_at = sizeof(Elf64_Ehdr) + count * sizeof(Elf64_Phdr);
    const std::size_t text_at = notes_at + notes.size();
    Elf64_Ehdr ehdr = header;
    ehdr.e_phnum = header.e_phnum != 0 ? header.e_phnum : static_cast<Elf64_Half>(count);
    Elf64_Phdr phdr = note_header;
    phdr.p_offset = phdr.p_offset != 0 ? phdr.p_offset : notes_at;
    phdr.p_filesz = phdr.p_filesz != 0 ? phdr.p_filesz : notes.size();
    Bytes file;
    const auto append = [&](std::span<const std::byte> bytes) {
      file.insert(file.end(), bytes.begin(), bytes.end());
    };
    append(std::as_bytes(std::span(&ehdr, 1)));
    append(std::as_bytes(std::span(&phdr, 1)));
    for (Elf64_Phdr segment : segments) {
      segment.p_offset = segment.p_offset != 0 ? segment.p_offset : text_at;
      append(std::as_bytes(std::span(&segment, 1)));
    }
    append(notes);
    append(text);
    return file;
  }
};

}  // namespace mayfly::boot::testing
