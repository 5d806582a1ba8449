// SPDX-License-Identifier: Apache-2.0
#include "image-builder/io/file_io.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "host/base/error.hpp"
#include "image-builder/io/interrupt.hpp"
#include "image-builder/tree/path.hpp"

namespace mayfly::image {
namespace {

constexpr std::size_t kHoleBytes = 4096;

void write_at(int fd, std::uint64_t offset, std::span<const std::byte> bytes, std::string_view name) {
  while (!bytes.empty()) {
    check_interrupt();
    const ssize_t written = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno != EINTR) {
      fail_errno("cannot write " + in_quotes(name));
    }
    if (written > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(written));
      offset += static_cast<std::uint64_t>(written);
    }
  }
}

}  // namespace

bool all_zero(std::span<const std::byte> bytes) noexcept {
  return bytes.empty() ||
         (bytes[0] == std::byte{0} && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

std::size_t read_at(int fd, std::uint64_t offset, std::span<std::byte> bytes, std::string_view name) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    check_interrupt();
    const ssize_t got =
        ::pread(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno != EINTR) {
      fail_errno("cannot read " + in_quotes(name));
    }
    if (got == 0) {
      break;
    }
    done += got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  return done;
}

void write_sparse(int fd, std::uint64_t offset, std::span<const std::byte> bytes, std::string_view name) {
  std::size_t begin = 0;  // of the run that waits to be written
  std::size_t at = 0;
  while (at < bytes.size()) {
    const std::size_t step = std::min(kHoleBytes, bytes.size() - at);
    if (all_zero(bytes.subspan(at, step))) {
      write_at(fd, offset + begin, bytes.subspan(begin, at - begin), name);
      begin = at + step;
    }
    at += step;
  }
  write_at(fd, offset + begin, bytes.subspan(begin), name);
}

Fd open_unnamed(const std::string& directory) {
  Fd file(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file) {
    return file;
  }
  if (errno != EOPNOTSUPP && errno != EISDIR) {
    fail_errno("cannot make a file in " + in_quotes(directory));
  }
  std::string name = directory + "/.mayfly-image.XXXXXX";  // a file system without O_TMPFILE
  Fd named(::mkostemp(name.data(), O_CLOEXEC));
  if (!named) {
    fail_errno("cannot make a file in " + in_quotes(directory));
  }
  ::unlink(name.c_str());
  return named;
}

std::string parent_directory(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) {
    return ".";
  }
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace mayfly::image
