// SPDX-License-Identifier: Apache-2.0
#include "vmm/start_wait.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <ctime>
#include <utility>

#include <poll.h>

#include "base/clock.hpp"

namespace mayfly::vmm {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;

[[noreturn]] void end(OutcomeKind kind, int signal, const std::string& by, std::string_view what) {
  throw EndedWaiting{
      {kind, static_cast<std::uint32_t>(signal), by + " while it waited for " + std::string(what)}};
}

void look_for_cause(const StartWait& wait, std::string_view what) {
  while (const std::optional<int> signal = wait.signals.next()) {
    if (*signal != SIGWINCH) {
      end(OutcomeKind::kKilled, *signal, "ended by signal " + std::to_string(*signal), what);
    }
  }
  if (wait.requests != nullptr && wait.requests->kill_asked()) {
    end(OutcomeKind::kKilled, SIGKILL, "ended by mayfly kill", what);
  }
  if (wait.requests != nullptr && wait.requests->stop_asked()) {
    end(OutcomeKind::kKilled, SIGTERM, "ended by mayfly stop", what);
  }
  if (wait.deadline_ns != 0 && monotonic_ns() >= wait.deadline_ns) {
    end(OutcomeKind::kTimeout, 0, "--timeout ran out", what);
  }
}

}  // namespace

bool wait_for(const StartWait& wait, int fd, std::uint64_t ns, std::string_view what) {
  look_for_cause(wait, what);
  if (wait.deadline_ns != 0) {
    ns = std::min(ns, wait.deadline_ns - std::min(wait.deadline_ns, monotonic_ns()));
  }
  std::array<pollfd, 3> watched{{{fd, POLLIN, 0},
                                 {wait.signals.fd(), POLLIN, 0},
                                 {wait.requests == nullptr ? -1 : wait.requests->fd(), POLLIN, 0}}};
  const timespec time{static_cast<time_t>(ns / kSecondNs), static_cast<long>(ns % kSecondNs)};
  static_cast<void>(::ppoll(watched.data(), watched.size(), &time, nullptr));
  return watched.front().revents != 0;
}

lease::Wait wait_for_answer(const StartWait& wait, std::string what) {
  return [&wait, what = std::move(what)](int socket) {
    const std::uint64_t told_at_ns = monotonic_ns() + kSecondNs;
    bool told = false;
    while (!wait_for(wait, socket, kSecondNs, what)) {
      if (!told && monotonic_ns() >= told_at_ns) {
        told = true;
        wait.say("waits for " + what);
      }
    }
    return true;
  };
}

}  // namespace mayfly::vmm
