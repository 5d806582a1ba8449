// SPDX-License-Identifier: Apache-2.0
#include "vmm/exec.hpp"

#include <chrono>
#include <cstdio>
#include <optional>
#include <thread>
#include <utility>

#include <unistd.h>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/say.hpp"
#include "control/client.hpp"
#include "vmm/outcome.hpp"
#include "vmm/run_loop.hpp"
#include "vmm/session.hpp"
#include "vmm/session_launch.hpp"
#include "vmm/session_link.hpp"
#include "vmm/signals.hpp"
#include "vmm/terminal.hpp"
#include "vmm/vm_down.hpp"

namespace mayfly::vmm {
namespace {

/// What a VM may take to answer, and to have started.
constexpr std::chrono::seconds kPatience{30};
/// Until a VM that is still starting is asked again.
constexpr std::chrono::milliseconds kAskAgain{5};

/// A connection to the agent in the guest.
Fd join_agent(const std::string& id) {
  control::Client client(id);
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    const auto refusal = client.require_answer({.verb = control::Verb::kExec}, kPatience).refusal;
    if (!refusal) {
      return client.take_stream();
    }
    if (refusal->code != "starting" || std::chrono::steady_clock::now() >= give_up) {
      throw Error("the VM '" + id + "': " + refusal->message);
    }
    std::this_thread::sleep_for(kAskAgain);
  }
}

}  // namespace

int exec(const ExecConfig& config) {
  const std::uint64_t deadline = config.timeout_ns == 0 ? 0 : monotonic_ns() + config.timeout_ns;
  Fd stream = join_agent(config.id);
  Signals signals;
  std::optional<Terminal> terminal;
  std::optional<LaunchTerminal> launch_terminal;
  if (is_terminal(STDIN_FILENO, STDOUT_FILENO)) {
    terminal.emplace(STDIN_FILENO);
    launch_terminal = callers_terminal(*terminal);
  }
  VmDown down;
  SessionLink link(std::move(stream), down);
  Session session(make_exec_launch(config, launch_terminal), {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO},
                  [&link] { link.wake(); });
  link.join(session);
  link.wake();  // for the launch request
  Outcome outcome = run_loop({.session = session,
                              .signals = signals,
                              .down = down,
                              .terminal = terminal.has_value() ? &*terminal : nullptr,
                              .deadline_ns = deadline,
                              .link = &link});
  terminal.reset();
  if (outcome.kind == OutcomeKind::kPoweroff) {
    outcome.sentence = "the VM '" + config.id + "' has ended, or takes no more commands";
  }
  if (!outcome.sentence.empty()) {
    say(Severity::kError, outcome.sentence);
  }
  return exit_status(outcome);
}

}  // namespace mayfly::vmm
