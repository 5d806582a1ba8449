// SPDX-License-Identifier: Apache-2.0
#include "image-builder/io/output_file.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/base/error.hpp"
#include "image-builder/io/file_io.hpp"
#include "image-builder/tree/path.hpp"

namespace mayfly::image {
namespace {

std::string hidden_name(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::size_t name = slash == std::string::npos ? 0 : slash + 1;
  return path.substr(0, name) + "." + path.substr(name, 200) + ".XXXXXX";
}

// The mode that open(2) would have given a new file.
mode_t default_mode() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return 0666U & ~mask;
}

}  // namespace

OutputFile::OutputFile(std::string path) : path_(std::move(path)) {
  struct stat status {};
  if (::stat(path_.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    throw Error("cannot write " + in_quotes(path_) + ": it is not a regular file");
  }
  file_ = Fd(::open(parent_directory(path_).c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0666));
  if (!file_ && (errno == EOPNOTSUPP || errno == EISDIR)) {
    hidden_ = hidden_name(path_);
    file_ = Fd(::mkostemp(hidden_.data(), O_CLOEXEC));
    if (file_ && ::fchmod(file_.get(), default_mode()) != 0) {
      fail_errno("cannot write " + in_quotes(path_));
    }
  }
  if (!file_) {
    hidden_.clear();
    fail_errno("cannot write " + in_quotes(path_));
  }
}

OutputFile::~OutputFile() {
  if (!hidden_.empty()) {
    ::unlink(hidden_.c_str());
  }
}

void OutputFile::commit() {
  if (hidden_.empty()) {
    const std::string open_file = "/proc/self/fd/" + std::to_string(file_.get());
    std::string name = hidden_name(path_);
    const Fd reserved(::mkostemp(name.data(), O_CLOEXEC));  // a free name; linkat does not replace
    if (!reserved || ::unlink(name.c_str()) != 0 ||
        ::linkat(AT_FDCWD, open_file.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) != 0) {
      fail_errno("cannot write " + in_quotes(path_));
    }
    hidden_ = std::move(name);
  }
  if (std::rename(hidden_.c_str(), path_.c_str()) != 0) {
    fail_errno("cannot write " + in_quotes(path_));
  }
  hidden_.clear();
}

}  // namespace mayfly::image
