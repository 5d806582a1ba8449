// SPDX-License-Identifier: Apache-2.0
#include "vmm/run_loop.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <poll.h>
#include <signal.h>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "vmm/control_point.hpp"

namespace mayfly::vmm {
namespace {

constexpr std::uint64_t kNsPerSecond = 1'000'000'000;

// Waits until one of the descriptors is readable or the deadline (0: none) has come; whether it has.
enum class Woken : bool { kByEvent, kByDeadline };
Woken wait(std::span<pollfd> watched, std::uint64_t deadline_ns) noexcept {
  timespec left{};
  if (deadline_ns != 0) {
    const std::uint64_t now = monotonic_ns();
    if (now >= deadline_ns) {
      return Woken::kByDeadline;
    }
    left = to_timespec(deadline_ns - now);
  }
  const int ready = ::ppoll(watched.data(), watched.size(), deadline_ns == 0 ? nullptr : &left, nullptr);
  return ready == 0 ? Woken::kByDeadline : Woken::kByEvent;
}

constexpr std::array<pollfd, 2> kNobody{{{-1, 0, 0}, {-1, 0, 0}}};

class Loop {
 public:
  explicit Loop(const RunInputs& inputs) noexcept : in_(inputs) {}

  Outcome run() {
    while (!cut_.has_value()) {
      const bool ended = ended_.has_value();
      const std::array<pollfd, 2> link = in_.link == nullptr ? kNobody : in_.link->watched();
      std::array<pollfd, 9> watched{{{in_.signals.fd(), POLLIN, 0},
                                     {in_.session.event_fd(), POLLIN, 0},
                                     {in_.requests == nullptr ? -1 : in_.requests->fd(), POLLIN, 0},
                                     {in_.control == nullptr ? -1 : in_.control->fd(), POLLIN, 0},
                                     {in_.recorder == nullptr ? -1 : in_.recorder->fd(), POLLIN, 0},
                                     // These stay readable: of no more interest once the run has ended.
                                     {ended ? -1 : in_.down.fd(), POLLIN, 0},
                                     {ended ? -1 : in_.lost_device, POLLIN, 0},
                                     link[0],
                                     link[1]}};
      if (wait(watched, in_.deadline_ns) == Woken::kByDeadline) {
        cut_ = Outcome{OutcomeKind::kTimeout, 0, "the workload was ended by --timeout"};
        break;
      }
      if (in_.link != nullptr) {
        in_.link->serve(std::span(watched).last<2>());
      }
      if (watched[3].revents != 0) {
        in_.control->serve();
      }
      if (watched[4].revents != 0) {
        in_.recorder->look();
      }
      take_signals();
      take_requests();
      take_end();
      if (!ended_.has_value() && watched[6].revents != 0) {
        // DeviceWatch::describe() knows which one.
        ended_ = Outcome{OutcomeKind::kDeviceLost, 0, "a passed-through device is gone"};
        in_.session.end_output();
      }
      if (ended_.has_value() && in_.session.drained()) {
        return with_lost_output(std::move(*ended_));
      }
    }
    write_rest();
    return std::move(*cut_);
  }

 private:
  void take_signals() {
    while (const std::optional<int> signal = in_.signals.next()) {
      if (*signal == SIGWINCH) {
        if (in_.terminal != nullptr) {
          in_.session.send_window_size(in_.terminal->size());
        }
      } else if (asked_ || ended_.has_value()) {
        cut_ = Outcome{OutcomeKind::kKilled, static_cast<std::uint32_t>(*signal),
                       "ended by signal " + std::to_string(*signal)};
      } else {
        asked_ = true;
        in_.session.send_signal(*signal);
      }
    }
  }

  void take_requests() {
    if (in_.requests == nullptr) {
      return;
    }
    in_.requests->acknowledge();
    if (in_.requests->kill_asked()) {
      cut_ = Outcome{OutcomeKind::kKilled, SIGKILL, "ended by mayfly kill"};
    } else if (in_.requests->stop_asked() && !asked_ && !ended_.has_value()) {
      asked_ = true;
      in_.session.send_signal(SIGTERM);
    }
  }

  // The guest's own word goes before the machine's: a workload's end is followed by a poweroff.
  void take_end() {
    in_.session.acknowledge();
    if (ended_.has_value()) {
      return;
    }
    const std::optional<DownReason> down = in_.down.reason();
    ended_ = in_.session.outcome();
    if (!ended_.has_value() && down.has_value()) {
      ended_ = outcome_of(*down, in_.down.detail());
      in_.session.end_output();
    }
  }

  void write_rest() noexcept {
    in_.session.end_output();
    const std::uint64_t last_look = monotonic_ns() + kNsPerSecond;
    std::array<pollfd, 1> watched{{{in_.session.event_fd(), POLLIN, 0}}};
    while (!in_.session.drained() && wait(watched, last_look) == Woken::kByEvent) {
      in_.session.acknowledge();
    }
  }

  [[nodiscard]] Outcome with_lost_output(Outcome outcome) const {
    const int error = in_.session.write_error();
    if (error == 0 || outcome.kind != OutcomeKind::kExited || outcome.value != 0) {
      return outcome;
    }
    return {OutcomeKind::kOutputLost, static_cast<std::uint32_t>(error),
            Error(error, "cannot write the workload's output").what()};
  }

  const RunInputs& in_;
  std::optional<Outcome> ended_;
  std::optional<Outcome> cut_;
  bool asked_ = false;
};

}  // namespace

Outcome run_loop(const RunInputs& inputs) {
  struct StopSession {
    Session& session;
    ~StopSession() { session.stop(); }
  };
  const StopSession on_every_way_out{inputs.session};
  return Loop(inputs).run();
}

}  // namespace mayfly::vmm
