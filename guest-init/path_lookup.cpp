// SPDX-License-Identifier: Apache-2.0
#include "guest-init/path_lookup.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mayfly::init {
namespace {

/// Puts "directory/command", or "command" when there is no directory, into `program`; false when it does not
/// fit.
[[nodiscard]] bool join(std::string_view directory, std::string_view command, PathBuffer& program) noexcept {
  if (directory.size() + 1 + command.size() >= program.size()) {
    return false;
  }
  char* end = std::copy(directory.begin(), directory.end(), program.data());
  if (!directory.empty()) {
    *end++ = '/';
  }
  end = std::copy(command.begin(), command.end(), end);
  *end = '\0';
  return true;
}

/// 0 when the file may be executed.
[[nodiscard]] int check(const char* program) noexcept {
  struct stat status {};
  if (faccessat(AT_FDCWD, program, X_OK, 0) != 0 || stat(program, &status) != 0) {
    return errno;
  }
  return S_ISREG(status.st_mode) ? 0 : EACCES;
}

}  // namespace

int find_program(std::string_view command, std::string_view search_path, PathBuffer& program) noexcept {
  if (command.empty()) {
    return ENOENT;
  }
  if (command.find('/') != std::string_view::npos) {
    return join({}, command, program) ? check(program.data()) : ENAMETOOLONG;
  }
  int result = ENOENT;
  for (bool last = false; !last;) {
    const std::size_t colon = search_path.find(':');
    last = colon == std::string_view::npos;
    const std::string_view directory{search_path.data(), last ? search_path.size() : colon};
    search_path.remove_prefix(last ? search_path.size() : colon + 1);
    const int error = join(directory, command, program) ? check(program.data()) : ENAMETOOLONG;
    if (error == 0) {
      return 0;
    }
    if (error == EACCES) {
      result = EACCES;  // As execvp(): a later directory may have one that can be executed.
    } else if (error != ENOENT && error != ENOTDIR && error != ENAMETOOLONG) {
      return error;
    }
  }
  return result;
}

}  // namespace mayfly::init
