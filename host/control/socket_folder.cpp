// SPDX-License-Identifier: Apache-2.0
#include "control/socket_folder.hpp"

#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/folder.hpp"
#include "control/vm_id.hpp"

namespace mayfly::control {
namespace {

constexpr std::string_view kSuffix = ".sock";
constexpr mode_t kOthers = S_IRWXG | S_IRWXO;

}  // namespace

std::string socket_folder() {
  const char* const runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && *runtime == '/') {
    return std::string(runtime) + "/mayfly";
  }
  return ::geteuid() == 0 ? "/run/mayfly" : "/tmp/mayfly-" + std::to_string(::geteuid());
}

/// Held while sockets come or go: one that is bound and does not listen yet looks like one that was left.
class SocketFolder::Lock {
 public:
  explicit Lock(const SocketFolder& folder) : folder_(folder.folder_.get()) {
    constexpr int kTries = 1000;
    constexpr useconds_t kPauseUs = 1000;
    for (int tries = 0; ::flock(folder_, LOCK_EX | LOCK_NB) != 0; ++tries) {
      if (errno != EWOULDBLOCK || tries == kTries) {
        fail_errno("cannot lock " + folder.path_);
      }
      ::usleep(kPauseUs);
    }
  }
  ~Lock() { ::flock(folder_, LOCK_UN); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  int folder_;
};

SocketFolder::SocketFolder(std::string path, IfMissing missing) : path_(std::move(path)) {
  if (missing == IfMissing::kMake && ::mkdir(path_.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
    fail_errno("cannot make the folder " + path_ + " for control sockets");
  }
  folder_ = Fd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder_) {
    if (errno == ENOENT) {
      return;
    }
    fail_errno("cannot use " + path_ + " for control sockets, which must be a folder and no symbolic link");
  }
  struct stat status {};
  if (::fstat(folder_.get(), &status) != 0) {
    fail_errno("cannot look at " + path_);
  }
  if (status.st_uid != ::geteuid() || (status.st_mode & kOthers) != 0) {
    throw Error(path_ +
                " is for control sockets of one user, and not yours alone; remove it, or chmod 700 it");
  }
}

std::string SocketFolder::path_of(const std::string& id) const {
  return path_ + "/" + id + std::string(kSuffix);
}

std::vector<std::string> SocketFolder::ids() const {
  constexpr std::size_t kMost = 100'000;
  std::vector<std::string> ids;
  for (const std::string& name : read_folder(path_, kMost).value_or(std::vector<std::string>())) {
    if (name.ends_with(kSuffix) && is_vm_id(name.substr(0, name.size() - kSuffix.size()))) {
      ids.push_back(name.substr(0, name.size() - kSuffix.size()));
    }
  }
  return ids;
}

lease::Listener SocketFolder::claim(const std::string& id) const {
  const Lock lock(*this);
  if (lease::listens_at(path_of(id), lease::SocketKind::kStream) == 0) {
    throw Error("a VM with the id '" + id + "' is running; give another --id, or end that one (mayfly stop " +
                id + ")");
  }
  lease::Listener listener(path_of(id), lease::SocketKind::kStream);
  listener.remove_by(Fd(::fcntl(folder_.get(), F_DUPFD_CLOEXEC, 0)));
  return listener;
}

std::vector<std::string> SocketFolder::remove_dead() const {
  std::vector<std::string> removed;
  if (!folder_) {
    return removed;
  }
  const Lock lock(*this);
  for (const std::string& id : ids()) {
    struct stat status {};
    const std::string path = path_of(id);
    if (::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode) &&
        lease::listens_at(path, lease::SocketKind::kStream) == ECONNREFUSED) {
      if (::unlink(path.c_str()) != 0) {
        fail_errno("cannot remove " + path);
      }
      removed.push_back(id);
    }
  }
  return removed;
}

}  // namespace mayfly::control
