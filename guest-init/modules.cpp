// SPDX-License-Identifier: Apache-2.0
#include "guest-init/modules.hpp"

#include <cerrno>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "guest-init/module_list.hpp"
#include "guest-init/path_lookup.hpp"

namespace mayfly::init {
namespace {

/// The modules of the running kernel: their folder, which `file`s are below, and their list. Both stay open
/// and mapped as long as init lives.
struct Library {
  int folder;
  std::string_view list;
};

[[nodiscard]] Step open_library(Library& library, Text& path) noexcept {
  utsname kernel{};
  uname(&kernel);
  path.add("/lib/modules/").add(kernel.release);
  library.folder = open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  const int list = library.folder < 0 ? -1 : openat(library.folder, "modules.dep", O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (list < 0 || fstat(list, &status) != 0) {
    return setup_failure(errno, "opening the image's modules.dep in", path.view());
  }
  const auto bytes = static_cast<std::size_t>(status.st_size);
  void* const mapped = bytes == 0 ? nullptr : mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, list, 0);
  const int error = errno;
  close(list);
  if (mapped == MAP_FAILED) {
    return setup_failure(error, "reading the image's modules.dep in", path.view());
  }
  library.list = {static_cast<const char*>(mapped), bytes};
  return std::nullopt;
}

[[nodiscard]] Step load_file(int folder, std::string_view file, const char* parameters) noexcept {
  PathBuffer path;
  if (file.size() >= path.size()) {
    return setup_failure(ENAMETOOLONG, "opening the kernel module", file);
  }
  std::memcpy(path.data(), file.data(), file.size());
  path[file.size()] = '\0';
  const int module = openat(folder, path.data(), O_RDONLY | O_CLOEXEC);
  if (module < 0) {
    return setup_failure(errno, "opening the kernel module", file);
  }
  const int error = syscall(SYS_finit_module, module, parameters, 0) == 0 ? 0 : errno;
  close(module);
  if (error == 0 || error == EEXIST) {
    return std::nullopt;
  }
  Failure failure = setup_failure(error, "loading the kernel module", file);
  if (error == ENOENT) {
    failure.text.add(", which wants a symbol that the kernel does not have");
  }
  return failure;
}

[[nodiscard]] Step load_module(const Library& library, const char* text, std::string_view path) noexcept {
  const std::size_t name_bytes = std::strcspn(text, " ");
  const std::optional<ListedModule> found = find_module(library.list, {text, name_bytes});
  if (!found.has_value()) {
    Failure failure = setup_failure(ENOENT, "finding the kernel module", {text, name_bytes});
    failure.text.add(" in the modules.dep of ").add(path);
    return failure;
  }
  std::string_view needs = found->needs;
  for (std::string_view needed = take_last_word(needs); !needed.empty(); needed = take_last_word(needs)) {
    if (Step failed = load_file(library.folder, needed, ""); failed) {
      return failed;
    }
  }
  return load_file(library.folder, found->file, text + name_bytes);
}

}  // namespace

Step load_modules(std::span<const char* const> modules) noexcept {
  if (modules.empty()) {
    return std::nullopt;
  }
  Library library{};
  Text path;
  if (Step failed = open_library(library, path); failed) {
    return failed;
  }
  for (const char* const module : modules) {
    if (Step failed = load_module(library, module, path.view()); failed) {
      return failed;
    }
  }
  return std::nullopt;
}

}  // namespace mayfly::init
