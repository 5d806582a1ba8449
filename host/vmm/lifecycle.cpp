// SPDX-License-Identifier: Apache-2.0
#include "vmm/lifecycle.hpp"

#include <nlohmann/json.hpp>
#include <poll.h>
#include <unistd.h>

#include "base/clock.hpp"

namespace mayfly::vmm {
namespace {

/// In quotes; bytes that are no UTF-8 are replaced.
std::string json_text(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

Lifecycle::Lifecycle(const std::vector<int>& descriptors, const std::string& id,
                     const boot::BootTimeline& timeline)
    : id_(id), timeline_(timeline) {
  for (const int descriptor : descriptors) {
    listeners_.push_back({descriptor, 0, false});
  }
}

void Lifecycle::on_ready() noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (was_ready_) {
      return;
    }
    was_ready_ = true;
  }
  tell("ready", "");
}

void Lifecycle::ended(const Outcome& outcome) noexcept {
  tell_end(exit_status(outcome), name(outcome.kind), outcome.sentence);
}

void Lifecycle::failed(std::string_view message) noexcept { tell_end(kOwnFailure, "failed", message); }

void Lifecycle::tell_end(int exit_status, std::string_view outcome, std::string_view message) noexcept {
  if (!has_listeners()) {
    return;
  }
  std::string more = ",\"exit_status\":" + std::to_string(exit_status) + ",\"outcome\":" + json_text(outcome);
  if (!message.empty()) {
    more += ",\"message\":" + json_text(message);
  }
  tell("ended", more);
}

void Lifecycle::tell(std::string_view event, std::string_view more) noexcept {
  if (!has_listeners()) {
    return;
  }
  std::string members = "{\"version\":1,\"event\":\"";
  members += event;
  members += "\",\"id\":\"" + id_ + "\",\"pid\":" + std::to_string(::getpid()) +
             ",\"time_ns\":" + std::to_string(realtime_ns()) +
             ",\"since_exec_ns\":" + std::to_string(monotonic_ns() - timeline_.exec_ns());
  members += more;
  const std::lock_guard lock(mutex_);
  for (Listener& listener : listeners_) {
    write_to(listener, members);
  }
}

void Lifecycle::write_to(Listener& listener, const std::string& members) noexcept {
  if (listener.is_lost) {
    return;
  }
  std::string line = members;
  if (listener.dropped != 0) {
    line += ",\"dropped\":" + std::to_string(listener.dropped);
  }
  line += "}\n";
  pollfd room{listener.descriptor, POLLOUT, 0};
  const bool has_room = ::poll(&room, 1, 0) == 1 && (room.revents & POLLOUT) != 0;
  const ssize_t written = has_room ? ::write(listener.descriptor, line.data(), line.size()) : -1;
  if (written == static_cast<ssize_t>(line.size())) {
    listener.dropped = 0;
  } else {
    ++listener.dropped;
    listener.is_lost = written > 0;
  }
}

}  // namespace mayfly::vmm
