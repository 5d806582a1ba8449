// SPDX-License-Identifier: Apache-2.0
#include "control/socket_folder.hpp"

#include <cerrno>
#include <cstdlib>
#include <set>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/folder.hpp"
#include "control/run_log.hpp"
#include "control/vm_id.hpp"

namespace mayfly::control {
namespace {

constexpr std::string_view kSuffix = ".sock";
constexpr std::string_view kLogSuffix = ".log";
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

std::vector<std::string> SocketFolder::ids_with(std::string_view suffix) const {
  constexpr std::size_t kMost = 100'000;
  std::vector<std::string> ids;
  for (const std::string& name : read_folder(path_, kMost).value_or(std::vector<std::string>())) {
    if (name.ends_with(suffix) && is_vm_id(name.substr(0, name.size() - suffix.size()))) {
      ids.push_back(name.substr(0, name.size() - suffix.size()));
    }
  }
  return ids;
}

std::vector<std::string> SocketFolder::ids() const { return ids_with(kSuffix); }

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

Fd SocketFolder::make_log(const std::string& id) const {
  const Lock lock(*this);  // until the log is: one that is not was left
  const std::string name = id + std::string(kLogSuffix);
  // A new file: who still reads the old one reads it to its end.
  if (::unlinkat(folder_.get(), name.c_str(), 0) != 0 && errno != ENOENT) {
    fail_errno("cannot remove the log " + path_ + "/" + name);
  }
  Fd file(::openat(folder_.get(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                   S_IRUSR | S_IWUSR));
  if (!file) {
    fail_errno("cannot make the log " + path_ + "/" + name);
  }
  RunLog::lock(file.get());
  return file;
}

Fd SocketFolder::reopen_log(const std::string& id) const {
  const Lock lock(*this);  // nobody removes it meanwhile
  Fd file = open_log_to(O_RDWR, id);
  RunLog::lock(file.get());
  return file;
}

Fd SocketFolder::open_log(const std::string& id) const { return open_log_to(O_RDONLY, id); }

Fd SocketFolder::open_log_to(int access, const std::string& id) const {
  Fd file(::openat(folder_.get(), (id + std::string(kLogSuffix)).c_str(),
                   access | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file && (errno == ENOENT || errno == EBADF)) {
    throw Error("no log of a VM with the id '" + id + "'; mayfly run --detach keeps one");
  }
  if (!file) {
    fail_errno("cannot open the log of '" + id + "'");
  }
  return file;
}

bool SocketFolder::is_dead(const std::string& id) const {
  struct stat status {};
  const std::string path = path_of(id);
  return ::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode) &&
         lease::listens_at(path, lease::SocketKind::kStream) == ECONNREFUSED;
}

bool SocketFolder::is_dead_log(const std::string& id) const {
  struct stat status {};
  Fd log = open_log(id);
  return ::fstat(log.get(), &status) == 0 && S_ISREG(status.st_mode) &&
         !RunLogReader(std::move(log)).is_written();
}

std::vector<std::string> SocketFolder::remove_dead() const {
  std::set<std::string> removed;
  if (!folder_) {
    return {};
  }
  const Lock lock(*this);
  const auto remove_if = [&](std::string_view suffix, auto dead) {
    for (const std::string& id : ids_with(suffix)) {
      if (dead(id)) {
        const std::string name = id + std::string(suffix);
        if (::unlinkat(folder_.get(), name.c_str(), 0) != 0) {
          fail_errno("cannot remove " + path_ + "/" + name);
        }
        removed.insert(id);
      }
    }
  };
  remove_if(kSuffix, [this](const std::string& id) { return is_dead(id); });
  remove_if(kLogSuffix, [this](const std::string& id) { return is_dead_log(id); });
  return {removed.begin(), removed.end()};
}

}  // namespace mayfly::control
