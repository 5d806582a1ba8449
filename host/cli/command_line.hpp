// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <variant>

#include "cli/boot_options.hpp"
#include "cli/control_command.hpp"
#include "cli/device_command.hpp"
#include "cli/device_serve.hpp"
#include "cli/doctor_command.hpp"
#include "cli/draw_timeline.hpp"
#include "cli/exec_command.hpp"
#include "cli/exits_command.hpp"
#include "cli/logs_command.hpp"
#include "cli/pool_command.hpp"
#include "cli/run_options.hpp"

namespace mayfly::cli {

/// `mayfly timeline FILE`.
struct TimelineCommand {
  std::string path;
  TimelineForm form = TimelineForm::kWaterfall;
};
/// `mayfly completion bash`.
struct CompletionCommand {};
/// --help or --version: for stdout.
struct PrintCommand {
  std::string text;
};

using Command =
    std::variant<RunOptions, BootOptions, DeviceCommand, ServeCommand, PoolCommand, PoolStatusCommand,
                 DoctorCommand, ExitsCommand, ExitsCompareCommand, TimelineCommand, CompletionCommand,
                 ControlCommand, vmm::ExecConfig, LogsCommand, PrintCommand>;

/// What was asked for. All after the first "--" is the workload's, byte for byte. Throws Error, one sentence,
/// on a usage error. `arguments` without the program's name.
[[nodiscard]] Command parse_command_line(std::span<const char* const> arguments);

}  // namespace mayfly::cli
