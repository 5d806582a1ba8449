// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include <poll.h>

#include "io/event_loop.hpp"

namespace mayfly::testing {

/// An event loop on the test's own thread: it turns when told to.
class PollLoop final : public io::EventLoop {
 public:
  bool watch(int fd, io::Readiness what, io::EventHandler& handler) noexcept override {
    return watched_.emplace(fd, Watched{what, &handler}).second;
  }
  bool change(int fd, io::Readiness what, io::EventHandler& handler) noexcept override {
    const auto found = watched_.find(fd);
    if (found == watched_.end() || found->second.handler != &handler) {
      return false;
    }
    found->second.what = what;
    return true;
  }
  void forget(int fd, io::EventHandler& /*handler*/) noexcept override { watched_.erase(fd); }

  [[nodiscard]] std::size_t watched() const { return watched_.size(); }

  /// Calls the handlers of all that is ready now; how many those were.
  std::size_t turn() {
    std::vector<pollfd> all;
    for (const auto& [fd, watched] : watched_) {
      const int wanted = ((watched.what & io::kReadable) != 0 ? POLLIN : 0) |
                         ((watched.what & io::kWritable) != 0 ? POLLOUT : 0);
      all.push_back({fd, static_cast<short>(wanted), 0});
    }
    std::size_t called = 0;
    if (::poll(all.data(), all.size(), 0) > 0) {
      for (const pollfd& each : all) {
        const auto found = watched_.find(each.fd);
        if (each.revents != 0 && found != watched_.end()) {
          const int what = ((each.revents & POLLIN) != 0 ? io::kReadable : 0) |
                           ((each.revents & POLLOUT) != 0 ? io::kWritable : 0) |
                           ((each.revents & (POLLERR | POLLHUP)) != 0 ? io::kBroken : 0);
          found->second.handler->ready(static_cast<io::Readiness>(what));
          ++called;
        }
      }
    }
    return called;
  }
  /// Until nothing is ready any more. False when that does not come: somebody is told again and again.
  [[nodiscard]] bool run_dry() {
    for (int turns = 0; turns < 10000; ++turns) {
      if (turn() == 0) {
        return true;
      }
    }
    return false;
  }

 private:
  struct Watched {
    io::Readiness what;
    io::EventHandler* handler;
  };
  std::map<int, Watched> watched_;
};

}  // namespace mayfly::testing
