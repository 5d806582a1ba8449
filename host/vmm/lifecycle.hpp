// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "boot/timeline.hpp"
#include "vmm/exit_handler.hpp"
#include "vmm/outcome.hpp"

namespace mayfly::vmm {

/// Tells descriptors of the caller what happens to the VM, a JSON object a line:
///
///   {"version":1,"event":"ready","id":"web-1","pid":77,"time_ns":1767225600000000000,"since_exec_ns":43000000}
///
/// The events: starting, ready, paused, resumed, ended. The last has `exit_status`, `outcome` and, where
/// there is something to say, `message`. `time_ns` is CLOCK_REALTIME. Nobody waits for a reader: what he
/// leaves no room for is dropped, and the next line that he gets says by `dropped` how many were. Any thread.
class Lifecycle final : public ReadyObserver {
 public:
  /// The descriptors stay the caller's. `id` and `timeline` outlive this.
  Lifecycle(const std::vector<int>& descriptors, const std::string& id, const boot::BootTimeline& timeline);

  void starting() noexcept { tell("starting", ""); }
  /// Once, however often the guest says it.
  void on_ready() noexcept override;
  void paused() noexcept { tell("paused", ""); }
  void resumed() noexcept { tell("resumed", ""); }
  void ended(const Outcome& outcome) noexcept;
  /// As ended(), with the outcome `failed`, of a run that came to none: mayfly itself could not go on.
  void failed(std::string_view message) noexcept;

  [[nodiscard]] bool has_listeners() const noexcept { return !listeners_.empty(); }

 private:
  struct Listener {
    int descriptor;
    std::uint64_t dropped;
    /// Got a part of a line: what follows would be none.
    bool is_lost;
  };

  void tell_end(int exit_status, std::string_view outcome, std::string_view message) noexcept;
  /// `more`: further members, each with a comma before it.
  void tell(std::string_view event, std::string_view more) noexcept;
  static void write_to(Listener& listener, const std::string& members) noexcept;

  const std::string& id_;
  const boot::BootTimeline& timeline_;
  std::mutex mutex_;  // guards what follows
  std::vector<Listener> listeners_;
  bool was_ready_ = false;
};

}  // namespace mayfly::vmm
