// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>
#include <string>

#include <elf.h>

#include "image-builder/testing/temporary_directory.hpp"

namespace mayfly::image::testing {

/// The head of an x86-64 program with one segment; PT_LOAD makes it a static one.
inline std::string elf_program(std::uint32_t segment_type = PT_LOAD) {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_type = ET_EXEC;
  header.e_machine = EM_X86_64;
  header.e_phoff = sizeof(header);
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 1;
  Elf64_Phdr segment{};
  segment.p_type = segment_type;
  std::string bytes(sizeof(header) + sizeof(segment), '\0');
  std::memcpy(bytes.data(), &header, sizeof(header));
  std::memcpy(bytes.data() + sizeof(header), &segment, sizeof(segment));
  return bytes;
}

/// Writes an init that mayfly-image accepts; returns its path.
inline std::string write_init(const TemporaryDirectory& directory) {
  write_file(directory / "init", elf_program());
  return directory / "init";
}

}  // namespace mayfly::image::testing
