// SPDX-License-Identifier: Apache-2.0
#include "image-builder/build/guest_files.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "image-builder/io/file_io.hpp"
#include "image-builder/tree/path.hpp"

namespace mayfly::image {
namespace {

constexpr std::uint64_t kInitBytesMax = std::uint64_t{16} << 20U;

std::vector<std::byte> read_init(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) {
    throw Error(errno, "cannot read the guest's init " + in_quotes(path) + "; name one by --init");
  }
  if (!S_ISREG(status.st_mode) || static_cast<std::uint64_t>(status.st_size) > kInitBytesMax) {
    throw Error("init " + in_quotes(path) + " is not a regular file of at most 16 MiB");
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(status.st_size));
  bytes.resize(read_at(file.get(), 0, bytes, path));
  return bytes;
}

// Why the bytes cannot be the guest's first program; empty if they can.
std::string_view find_init_fault(std::span<const std::byte> bytes) {
  Elf64_Ehdr header{};
  if (bytes.size() < sizeof(header)) {
    return "is not an ELF program";
  }
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
    return "is not an ELF program";
  }
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != EM_X86_64 ||
      (header.e_type != ET_EXEC && header.e_type != ET_DYN) || header.e_phentsize != sizeof(Elf64_Phdr)) {
    return "is not an x86-64 ELF program";
  }
  const std::uint64_t table_bytes = std::uint64_t{header.e_phnum} * sizeof(Elf64_Phdr);
  if (header.e_phoff > bytes.size() || table_bytes > bytes.size() - header.e_phoff || header.e_phnum == 0) {
    return "is a truncated ELF program";
  }
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment{};
    std::memcpy(&segment, bytes.data() + header.e_phoff + i * sizeof(segment), sizeof(segment));
    if (segment.p_type == PT_INTERP) {
      return "is dynamically linked; the guest's init must be static";
    }
  }
  return {};
}

void add_mount_point(Tree& tree, const char* path, std::uint16_t permissions, Timestamp mtime) {
  const std::optional<NodeId> found = tree.find(path);
  if (!found.has_value()) {
    tree.add(path, {Attributes{permissions, 0, 0, mtime, {}}, Directory{}});
    return;
  }
  const Node& node = tree.node(*found);
  if (!std::holds_alternative<Directory>(node.kind) && !std::holds_alternative<Symlink>(node.kind)) {
    throw InputError("input has a file at " + in_quotes(path) + ", where the guest mounts a file system");
  }
}

}  // namespace

void add_guest_files(Tree& tree, Contents& contents, const std::string& init_path) {
  if (tree.find(".mayfly").has_value()) {
    throw InputError("input has \"/.mayfly\", which is Mayfly's own; leave it out");
  }
  const std::vector<std::byte> init = read_init(init_path);
  if (const std::string_view fault = find_init_fault(init); !fault.empty()) {
    throw Error("init " + in_quotes(init_path) + " " + std::string(fault));
  }
  const Timestamp mtime = tree.newest();
  struct MountPoint {
    const char* path;
    std::uint16_t permissions;
  };
  constexpr std::array<MountPoint, 8> kMountPoints = {{
      {".mayfly", 0755},
      {".mayfly/lower", 0755},
      {".mayfly/rw", 0755},
      {"dev", 0755},
      {"proc", 0555},
      {"sys", 0555},
      {"tmp", 01777},
      {"run", 0755},
  }};
  for (const MountPoint& mount : kMountPoints) {
    add_mount_point(tree, mount.path, mount.permissions, mtime);
  }
  const SpoolExtent extent = contents.spool_begin();
  contents.spool_write(extent, 0, init);
  tree.add(".mayfly/init", {Attributes{0755, 0, 0, mtime, {}}, contents.spool_end(extent, init.size())});
}

}  // namespace mayfly::image
