// SPDX-License-Identifier: Apache-2.0
#include "vmm/cgroup.hpp"

#include <cerrno>
#include <cstdint>
#include <sstream>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/folder.hpp"
#include "base/text_file.hpp"
#include "base/words.hpp"

namespace mayfly::vmm {
namespace {

constexpr std::string_view kPrefix = "mayfly-";
constexpr std::size_t kFileBytesMax = 4096;
constexpr const char* kEnabled = "/cgroup.subtree_control";
constexpr const char* kOffered = "/cgroup.controllers";

std::string name_of(const std::string& id) { return std::string(kPrefix) + id; }

/// The controller that has a file: what stands before its first dot.
std::string controller_of(const std::string& file) { return file.substr(0, file.find('.')); }

/// The number after `key` in a file of lines "KEY NUMBER"; 0 where there is none.
std::uint64_t number_in(const std::string& path, const std::string& key) {
  std::istringstream words(read_text_file(path, kFileBytesMax).value_or(""));
  std::string name;
  std::uint64_t number = 0;
  while (words >> name >> number) {
    if (name == key) {
      return number;
    }
  }
  return 0;
}

/// errno, or 0.
int write_to(const Fd& group, const std::string& file, std::string_view value) {
  const Fd opened(::openat(group.get(), file.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
  return opened && ::write(opened.get(), value.data(), value.size()) == static_cast<ssize_t>(value.size())
             ? 0
             : errno;
}

/// A group whose groups have no such controller, and whether it has it itself.
[[noreturn]] void fail_without(const std::string& controller, bool is_offered, const std::string& group) {
  const std::string enabled = group + kEnabled;
  throw Error(is_offered ? "--cgroup: " + enabled + " has no '" + controller + "'; echo +" + controller +
                               " >" + enabled
                         : "--cgroup: " + group + kOffered + " has no '" + controller + "'; write +" +
                               controller + " to cgroup.subtree_control of the groups above it");
}

}  // namespace

CgroupFolder::CgroupFolder(std::string path)
    : path_(std::move(path)), folder_(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (!folder_) {
    fail_errno("--cgroup: cannot use " + path_ + ", which must be the folder of a cgroup");
  }
}

void CgroupFolder::require_version_2() const {
  struct statfs found {};
  if (::fstatfs(folder_.get(), &found) != 0) {
    fail_errno("--cgroup: cannot look at " + path_);
  }
  if (found.f_type == CGROUP_SUPER_MAGIC) {
    throw Error("--cgroup: " + path_ +
                " is of cgroup v1, and mayfly knows v2 only; boot the host with "
                "systemd.unified_cgroup_hierarchy=1");
  }
  if (found.f_type != CGROUP2_SUPER_MAGIC) {
    throw Error("--cgroup: " + path_ +
                " is no cgroup: make one where cgroup2 is mounted, such as /sys/fs/cgroup/mayfly");
  }
}

void CgroupFolder::require_controllers(const std::vector<CgroupLimit>& limits) const {
  const std::string enabled = first_line_of(path_ + kEnabled);
  const std::string offered = first_line_of(path_ + kOffered);
  for (const CgroupLimit& limit : limits) {
    const std::string controller = controller_of(limit.file);
    if (!has_word(enabled, controller)) {
      fail_without(controller, has_word(offered, controller), path_);
    }
  }
}

std::string CgroupFolder::path_of(const std::string& id) const { return path_ + "/" + name_of(id); }

Fd CgroupFolder::make(const std::string& id) const {
  const std::string path = path_of(id);
  static_cast<void>(remove(id));
  if (::mkdir(path.c_str(), S_IRWXU | S_IRGRP | S_IXGRP | S_IROTH | S_IXOTH) != 0) {
    if (errno == EEXIST) {
      throw Error("--cgroup: a process is in " + path + "; give another --id, or end that VM (mayfly stop " +
                  id + ")");
    }
    fail_errno("--cgroup: cannot make " + path + "; " + path_ +
               " must be yours to write (delegated, as by systemd's Delegate=yes)");
  }
  Fd made(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!made) {
    fail_errno("--cgroup: cannot use " + path);
  }
  return made;
}

bool CgroupFolder::remove(const std::string& id) const noexcept {
  // The kernel lets go of none that a process is in.
  return ::unlinkat(folder_.get(), name_of(id).c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT;
}

std::vector<std::string> CgroupFolder::remove_left() const {
  std::vector<std::string> removed;
  for (const std::string& name : read_folder(path_).value_or(std::vector<std::string>())) {
    if (name.starts_with(kPrefix) && remove(name.substr(kPrefix.size()))) {
      removed.push_back(name.substr(kPrefix.size()));
    }
  }
  return removed;
}

void set_limits(const Fd& group, const std::string& path, const std::vector<CgroupLimit>& limits) {
  for (const CgroupLimit& limit : limits) {
    if (const int error = write_to(group, limit.file, limit.value); error != 0) {
      throw Error(error, "--cgroup: cannot write '" + limit.value + "' to " + path + "/" + limit.file);
    }
  }
}

void enter_cgroup(const Fd& group, const std::string& path) {
  if (const int error = write_to(group, "cgroup.procs", "0"); error != 0) {
    throw Error(error, "--cgroup: cannot move into " + path +
                           ": mayfly's user must be free to write cgroup.procs of it and of the group above "
                           "both it and where mayfly was started (systemd-run --user --scope -p "
                           "Delegate=yes starts a shell in such a one)");
  }
}

bool was_out_of_memory(const std::string& path) {
  const std::string events = path + "/memory.events";
  return number_in(events, "oom") > 0 && number_in(events, "oom_kill") > 0;
}

}  // namespace mayfly::vmm
