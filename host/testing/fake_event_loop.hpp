// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <vector>

#include <poll.h>

#include "io/event_loop.hpp"

namespace mayfly::testing {

/// An event loop whose turns the test takes.
class FakeEventLoop final : public io::EventLoop {
 public:
  bool watch(int fd, io::Readiness what, io::EventHandler& handler) noexcept override {
    return watched_.insert({fd, {what, &handler}}).second;
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

  /// Calls each handler whose descriptor is ready, once; how many there were.
  int take_turn() {
    std::vector<pollfd> polled;
    for (const auto& [fd, watch] : watched_) {
      const int events = ((watch.what & io::kReadable) != 0 ? POLLIN : 0) |
                         ((watch.what & io::kWritable) != 0 ? POLLOUT : 0);
      polled.push_back({fd, static_cast<short>(events), 0});
    }
    (void)::poll(polled.data(), polled.size(), 0);
    int called = 0;
    for (const pollfd& each : polled) {
      const auto found = watched_.find(each.fd);
      const int what = ((each.revents & POLLIN) != 0 ? io::kReadable : 0) |
                       ((each.revents & POLLOUT) != 0 ? io::kWritable : 0) |
                       ((each.revents & (POLLERR | POLLHUP)) != 0 ? io::kBroken : 0);
      if (found != watched_.end() && what != 0) {
        found->second.handler->ready(static_cast<io::Readiness>(what));
        ++called;
      }
    }
    return called;
  }
  /// Takes turns until nothing is ready; false when that does not come.
  bool settle() {
    for (int turn = 0; turn < 1000; ++turn) {
      if (take_turn() == 0) {
        return true;
      }
    }
    return false;
  }
  /// How many descriptors are watched.
  [[nodiscard]] std::size_t watched() const { return watched_.size(); }
  [[nodiscard]] bool is_watched(int fd) const { return watched_.contains(fd); }

 private:
  struct Watch {
    io::Readiness what;
    io::EventHandler* handler;
  };
  std::map<int, Watch> watched_;
};

}  // namespace mayfly::testing
