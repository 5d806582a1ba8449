// SPDX-License-Identifier: Apache-2.0
#include "sandbox/sandbox.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/say.hpp"
#include "sandbox/filters.hpp"
#include "sandbox/landlock.hpp"
#include "sandbox/namespaces.hpp"
#include "sandbox/privileges.hpp"
#include "vfio/memlock.hpp"

namespace mayfly::sandbox {
namespace {

/// Kept for root's runs.
constexpr const char* kEmptyNetwork = "/run/mayfly-no-network";

/// A thread is confined whoever starts it, so this is the process's. Written before there are threads.
std::atomic<Mode> process_mode{Mode::kOff};

Mode mode_here(Mode wanted) noexcept {
  if (kSanitized && wanted != Mode::kOff) {
    warn("built with a sanitizer, so there is no sandbox");
    return Mode::kOff;
  }
  return wanted;
}

[[noreturn]] void refuse(int error, const char* what) {
  throw Error(error, std::string("the host does not let mayfly ") + what +
                         "; `mayfly doctor` tells more, --sandbox off does without");
}

/// Who is free of the limit on pinned memory stays so without the capability that makes it.
void keep_memlock() {
  rlimit limit{};
  if (vfio::memlock_limit().has_value() || ::getrlimit(RLIMIT_MEMLOCK, &limit) != 0 ||
      limit.rlim_cur == RLIM_INFINITY) {
    return;
  }
  constexpr rlimit kNone{RLIM_INFINITY, RLIM_INFINITY};
  if (::setrlimit(RLIMIT_MEMLOCK, &kNone) != 0) {
    refuse(errno, "raise RLIMIT_MEMLOCK, and CAP_IPC_LOCK is given up; set LimitMEMLOCK=infinity");
  }
}

void lower_limit(int which, rlim_t most) noexcept {
  rlimit limit{};
  const auto resource = static_cast<__rlimit_resource_t>(which);
  if (::getrlimit(resource, &limit) == 0) {
    limit.rlim_max = std::min(limit.rlim_max, most);
    limit.rlim_cur = std::min(limit.rlim_cur, most);
    static_cast<void>(::setrlimit(resource, &limit));
  }
}

/// What a thread gives up by itself; which step failed, or nothing.
struct Refusal {
  int error = 0;
  const char* what = nullptr;
};
Refusal confine(ThreadKind kind, Mode mode, int folder) noexcept {
  // A thread that main or a vCPU has started has inherited the rest.
  if (kind == ThreadKind::kMain || is_before_main(kind)) {
    if (const int error = drop_privileges(); error != 0) {
      return {error, "give up capabilities"};
    }
    if (const int error = restrict_by_landlock(folder); error != 0) {
      return {error, "restrict itself by Landlock"};
    }
  }
  if (const int error = install_filter(kind, mode, folder); error != 0) {
    return {error, "install a seccomp filter"};
  }
  return {};
}

}  // namespace

Sandbox::Sandbox(Mode mode, Needs needs) : mode_(mode_here(mode)), needs_(std::move(needs)) {
  if (mode_ == Mode::kOff) {
    return;
  }
  process_mode = mode_;
  // One heap: to shrink another one, glibc reads a file of /proc (malloc/arena.c, check_may_shrink_heap).
  ::mallopt(M_ARENA_MAX, 1);
  if (needs_.pins_memory) {
    keep_memlock();
  }
  if (::geteuid() == 0) {
    empty_network_ = open_empty_network(kEmptyNetwork);
  }
  has_namespaces_ = unshare_namespaces(needs_.knows_other_users || needs_.pins_memory ? UserNamespace::kNo
                                                                                      : UserNamespace::kYes);
  // Once for all threads, before there are others; a new user namespace has a full one.
  if (const int error = drop_bounding_set(); error != 0) {
    refuse(error, "empty its capability bounding set");
  }
}

void Sandbox::leave_network() {
  if (!empty_network_) {
    return;
  }
  if (const int error = join_network(empty_network_); error != 0) {
    refuse(error, "leave the host's network");
  }
  empty_network_ = Fd();
}

void Sandbox::leave_files() {
  if (mode_ == Mode::kOff) {
    return;
  }
  for (const int each : needs_.closed_at_the_end) {
    ::close(each);
  }
  if (has_namespaces_) {
    if (const int error = empty_root(); error != 0) {
      refuse(error, "make an empty directory its root");
    }
  }
  left_files_ = true;
}

bool Sandbox::lock_down(int folder) {
  if (mode_ == Mode::kOff) {
    return true;
  }
  MAYFLY_ASSERT(left_files_);
  const int removes_from = landlock_abi() > 0 ? folder : kNoFolder;
  ::umask(0777);
  lower_limit(RLIMIT_CORE, 0);
  if (needs_.files_max != 0) {
    lower_limit(RLIMIT_NOFILE, needs_.files_max);
  }
  if (::prctl(PR_SET_DUMPABLE, 0UL, 0UL, 0UL, 0UL) != 0) {
    refuse(errno, "keep others from its memory");
  }
  if (const Refusal refusal = confine(ThreadKind::kMain, mode_, removes_from); refusal.error != 0) {
    refuse(refusal.error, refusal.what);
  }
  return removes_from != kNoFolder;
}

void confine_thread(ThreadKind kind) noexcept {
  const Mode mode = process_mode;
  if (mode == Mode::kOff) {
    return;
  }
  if (const Refusal refusal = confine(kind, mode, kNoFolder); refusal.error != 0) {
    say(Severity::kError, std::string("the host does not let a thread ") + refusal.what + ": " +
                              std::strerror(refusal.error) + "; --sandbox off does without");
    std::_Exit(125);
  }
}

}  // namespace mayfly::sandbox
