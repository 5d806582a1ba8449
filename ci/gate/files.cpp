// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/files.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.hpp"
#include "base/error.hpp"
#include "base/fd.hpp"

namespace mayfly::gate {
namespace {

constexpr std::size_t kBytesMax = 256 * kMiB;

void write_all(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t bytes = ::write(fd, text.data(), text.size());
    if (bytes < 0 && errno != EINTR) {
      fail_errno("cannot write " + path);
    }
    text.remove_prefix(bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
  }
}

}  // namespace

std::string read_file(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    fail_errno("cannot read " + path);
  }
  std::string text;
  std::array<char, 65536> piece{};
  while (true) {
    const ssize_t bytes = ::read(fd.get(), piece.data(), piece.size());
    if (bytes == 0) {
      return text;
    }
    if (bytes < 0 && errno != EINTR) {
      fail_errno("cannot read " + path);
    }
    text.append(piece.data(), bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
    if (text.size() > kBytesMax) {
      throw Error(path + " has over 256 MiB; it is no file of mayfly-gate");
    }
  }
}

std::string tail_of(const std::string& path, std::size_t lines) {
  std::string text;
  try {
    text = read_file(path);
  } catch (const Error&) {
    return {};
  }
  std::string clean;
  for (const char c : text) {
    if (c == '\n' || c == '\t' || static_cast<unsigned char>(c) >= 0x20) {
      clean += c;
    }
  }
  while (!clean.empty() && clean.back() == '\n') {
    clean.pop_back();
  }
  std::size_t at = clean.size();
  for (; lines > 0 && at != std::string::npos && at > 0; --lines) {
    at = clean.rfind('\n', at - 1);
  }
  return at == std::string::npos || at == 0 ? clean : clean.substr(at + 1);
}

void write_file(const std::string& path, std::string_view text) {
  if (path == "-") {
    write_all(STDOUT_FILENO, text, "to stdout");
    return;
  }
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    // A pipe or device, such as /dev/stdout, is written to and never replaced.
    const Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd) {
      fail_errno("cannot write " + path);
    }
    write_all(fd.get(), text, path);
    return;
  }
  const std::string part = path + ".part." + std::to_string(::getpid());
  {
    const Fd fd(::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!fd) {
      fail_errno("cannot write " + path);
    }
    write_all(fd.get(), text, path);
  }
  if (::rename(part.c_str(), path.c_str()) != 0) {
    fail_errno("cannot write " + path);
  }
}

void append_file(const std::string& path, std::string_view text) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!fd) {
    fail_errno("cannot write " + path);
  }
  write_all(fd.get(), text, path);
}

TemporaryDirectory::TemporaryDirectory() {
  const char* base = std::getenv("TMPDIR");
  path_ = std::string(base == nullptr || *base == '\0' ? "/tmp" : base) + "/mayfly-gate.XXXXXX";
  if (::mkdtemp(path_.data()) == nullptr) {
    fail_errno("cannot make a temporary directory " + path_);
  }
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace mayfly::gate
