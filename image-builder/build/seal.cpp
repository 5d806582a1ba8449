// SPDX-License-Identifier: Apache-2.0
#include "image-builder/build/seal.hpp"

#include <algorithm>
#include <vector>

#include <unistd.h>

#include "host/base/checked.hpp"
#include "host/base/error.hpp"
#include "image-builder/io/file_io.hpp"
#include "image-builder/tree/path.hpp"

namespace mayfly::image {

Digest digest_file_system(int fd, std::uint64_t fs_bytes, const std::string& name, Progress& progress) {
  progress.begin("digesting", fs_bytes);
  std::vector<std::byte> buffer(kPieceBytes);
  Sha256 hash;
  for (std::uint64_t at = kHeaderBytes; at < fs_bytes;) {
    const auto piece = std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), fs_bytes - at));
    const std::size_t got = read_at(fd, at, piece, name);
    hash.update(piece.first(got));
    if (got < piece.size()) {
      break;
    }
    at += got;
    progress.update(at);
  }
  return hash.finish();
}

void seal_image(int fd, FileSystem file_system, std::uint64_t fs_bytes, std::span<const std::byte> launch,
                const std::string& name, Progress& progress) {
  ImageHeader header{};
  header.magic = kImageMagic;
  header.version = kImageVersion;
  header.file_system = file_system;
  header.image_bytes = align_up(fs_bytes + launch.size(), kImageAlignment);
  header.fs_bytes = fs_bytes;
  header.launch_offset = fs_bytes;
  header.launch_bytes = launch.size();
  header.launch_digest = sha256(launch);
  header.fs_digest = digest_file_system(fd, fs_bytes, name, progress);
  const auto bytes = std::as_bytes(std::span(&header, 1));
  header.header_digest = sha256(bytes.first(offsetof(ImageHeader, header_digest)));
  if (::ftruncate(fd, static_cast<off_t>(header.image_bytes)) != 0) {
    fail_errno("cannot write " + in_quotes(name));
  }
  write_sparse(fd, header.launch_offset, launch, name);
  write_sparse(fd, 0, bytes, name);
}

}  // namespace mayfly::image
