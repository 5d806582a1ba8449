// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "guest-init/protocol/launch.hpp"
#include "vmm/exec_config.hpp"
#include "vmm/run_config.hpp"
#include "vmm/terminal.hpp"

namespace mayfly::vmm {

/// The terminal that the workload gets.
struct LaunchTerminal {
  protocol::TerminalSize size;
  /// TERM of the caller, given on when neither image nor options name one; may be empty.
  std::string_view type;
};

/// The terminal of mayfly's caller, as $TERM says what it is.
[[nodiscard]] LaunchTerminal callers_terminal(const Terminal& terminal) noexcept;

/// The launch request: the image's defaults under the options of the run. A command on the command line
/// replaces the image's whole; a variable replaces the image's of the same name; workdir and user replace the
/// image's. Throws Error when there is no command or the request is over protocol::kLaunchBytesMax.
[[nodiscard]] std::vector<std::byte> make_launch(const RunConfig& config,
                                                 const protocol::LaunchRequest& image,
                                                 const std::optional<LaunchTerminal>& terminal);

/// The launch request of a further command: what it leaves open is as it was for the VM's own. Throws Error
/// when it is over protocol::kLaunchBytesMax.
[[nodiscard]] std::vector<std::byte> make_exec_launch(const ExecConfig& config,
                                                      const std::optional<LaunchTerminal>& terminal);

}  // namespace mayfly::vmm
