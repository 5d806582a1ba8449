// SPDX-License-Identifier: Apache-2.0
#include "cli/kernel_path.hpp"

#include <array>
#include <cerrno>

#include <limits.h>
#include <unistd.h>

#include "base/error.hpp"

namespace mayfly::cli {

std::string default_kernel(const char* from_environment, const std::string& executable) {
  if (from_environment != nullptr && *from_environment != '\0') {
    return from_environment;
  }
  const std::string directory = executable.substr(0, executable.rfind('/'));
  std::string path = directory.substr(0, directory.rfind('/')) + "/lib/mayfly/vmlinux";
  if (::access(path.c_str(), R_OK) != 0) {
    throw Error(errno, "no guest kernel at '" + path + "'; name one with --kernel FILE or MAYFLY_KERNEL");
  }
  return path;
}

std::string executable_path() {
  std::array<char, PATH_MAX> path{};
  const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
  if (length < 0) {
    fail_errno("cannot find the guest kernel beside mayfly, as /proc/self/exe does not say where that is");
  }
  return {path.data(), static_cast<std::size_t>(length)};
}

}  // namespace mayfly::cli
