// SPDX-License-Identifier: Apache-2.0
#include "exits/recorder.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "exits/vm_processes.hpp"

namespace mayfly::exits {
namespace {

constexpr std::uint64_t kLookNs = 100'000'000;

// A file for each event and thread, where 1024 is the usual limit.
void raise_file_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    static_cast<void>(::setrlimit(RLIMIT_NOFILE, &limit));
  }
}

}  // namespace

Recorder::Recorder(std::vector<TraceEvent> events, std::optional<pid_t> process)
    : events_(std::move(events)), process_(process) {
  raise_file_limit();
  if (process_.has_value()) {
    follow_new_threads();
  } else {
    follow_cpus();
  }
}

void Recorder::follow_cpus() {
  const auto cpus = static_cast<int>(::sysconf(_SC_NPROCESSORS_CONF));
  for (int cpu = 0; cpu < cpus; ++cpu) {
    if (auto ring = PerfRing::open({Followed::What::kCpu, cpu}, events_)) {
      rings_.emplace(cpu, *std::move(ring));
    }
  }
}

void Recorder::follow_new_threads() {
  for (const pid_t thread : threads_of("", *process_)) {
    if (rings_.contains(thread)) {
      continue;
    }
    if (auto ring = PerfRing::open({Followed::What::kThread, thread}, events_)) {
      rings_.emplace(thread, *std::move(ring));
    }
  }
}

Recorder::End Recorder::collect(std::uint64_t ns, int stop_fd, Tally& tally) {
  const std::uint64_t begin = monotonic_ns();
  std::uint64_t looked = begin;
  for (;;) {
    const std::uint64_t now = monotonic_ns();
    if (now - begin >= ns) {
      return End::kTimeIsUp;
    }
    if (process_.has_value() && now - looked >= kLookNs) {
      looked = now;
      follow_new_threads();
    }
    if (rings_.empty()) {
      return End::kProcessIsGone;
    }
    const bool is_stopped = wait(std::min(kLookNs, ns - (now - begin)), stop_fd);
    drain(tally);
    if (is_stopped) {
      return End::kStopped;
    }
  }
}

bool Recorder::wait(std::uint64_t ns, int stop_fd) {
  std::vector<pollfd> files{{stop_fd, POLLIN, 0}};
  for (const auto& [number, ring] : rings_) {
    files.push_back({ring.fd(), POLLIN, 0});
  }
  const timespec timeout = to_timespec(ns);
  if (::ppoll(files.data(), files.size(), &timeout, nullptr) < 0 && errno != EINTR) {
    fail_errno("cannot wait for exits (ppoll)");
  }
  auto file = files.begin() + 1;
  for (const auto& [number, ring] : rings_) {
    if ((file->revents & (POLLHUP | POLLERR)) != 0) {
      ended_.push_back(number);
    }
    ++file;
  }
  return files.front().revents != 0;
}

void Recorder::drain(Tally& tally) {
  for (auto& [number, ring] : rings_) {
    ring.drain(events_, tally);
  }
  for (const int number : std::exchange(ended_, {})) {
    rings_.erase(number);
  }
}

}  // namespace mayfly::exits
