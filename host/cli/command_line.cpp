// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/say.hpp"
#include "cli/choice.hpp"
#include "cli/config_file.hpp"
#include "cli/declare_options.hpp"
#include "cli/help_text.hpp"
#include "cli/option_parser.hpp"

namespace mayfly::cli {
namespace {

// From now on.
void speak_as(const std::string& format) {
  constexpr Choice<LogFormat> kChoices[] = {{"text", LogFormat::kText}, {"json", LogFormat::kJson}};
  if (!format.empty()) {
    speak_in(choose("--log-format", format, kChoices, "give text or json"));
  }
}

// What is wrong with a command line is said as it asks for, before it is parsed.
void speak_as_asked(std::span<const char* const> words) noexcept {
  constexpr std::string_view kOption = "--log-format";
  constexpr std::string_view kJson = "json";
  for (std::size_t i = 0; i < words.size() && words[i] != std::string_view("--"); ++i) {
    const std::string_view word = words[i];
    if (word == "--log-format=json" || (word == kOption && i + 1 < words.size() && words[i + 1] == kJson)) {
      speak_in(LogFormat::kJson);
    }
  }
}

// Parses what is ours; all after the first "--" goes to `command`.
std::optional<PrintCommand> parse_with_command(Parser& parser, std::span<const char* const> words,
                                               std::vector<std::string>& command) {
  const auto end_of_ours = std::ranges::find(words, std::string_view("--"));
  if (auto print = parser.parse({words.begin(), end_of_ours})) {
    return print;
  }
  if (end_of_ours != words.end()) {
    command.assign(std::next(end_of_ours), words.end());
  }
  return std::nullopt;
}

Command parse_run(std::span<const char* const> words) {
  Parser parser(words, "mayfly run", "Run a command in a new microVM.",
                "mayfly run --image FILE [OPTION]... [-- COMMAND [ARGUMENT]...]", kRunFooter);
  RunOptions options;
  add_run_options(parser, options);
  if (auto print = parse_with_command(parser, words, options.command)) {
    return *std::move(print);
  }
  if (!options.config.empty()) {
    apply_config_file(parser, options.config, options.command);
  }
  speak_as(options.log_format);
  return options;
}

Command parse_boot(std::span<const char* const> words) {
  Parser parser(words, "mayfly boot",
                "Boot many times and say how long it takes: percentiles, a histogram, limits.",
                "mayfly boot --image FILE [OPTION]... [-- COMMAND [ARGUMENT]...]", kBootFooter);
  BootOptions options;
  add_boot_options(parser, options);
  if (auto print = parse_with_command(parser, words, options.run.command)) {
    return *std::move(print);
  }
  speak_as(options.run.log_format);
  return options;
}

Command parse_exec(std::span<const char* const> words) {
  Parser parser(words, "mayfly exec", "Run a further command in a VM that runs.",
                "mayfly exec [OPTION]... ID -- COMMAND [ARGUMENT]...", kExecFooter);
  ExecOptions options;
  parser.arguments("WORDS", options.words);
  add_workload_options(parser, options);
  parser.text("--timeout", options.timeout, "TIME", "Kill the command after that long");
  std::string log_format;
  add_log_format(parser, log_format);
  if (auto print = parse_with_command(parser, words, options.command)) {
    return *std::move(print);
  }
  speak_as(log_format);
  return check_exec_options(std::move(options));
}

Command parse_logs(std::span<const char* const> words) {
  Parser parser(words, "mayfly logs",
                "Print what the workload of a detached VM has written, and what mayfly says of it.",
                "mayfly logs ID [--follow] [--timestamps]", kLogsFooter);
  std::vector<std::string> ids;
  bool follow = false;
  bool timestamps = false;
  parser.arguments("WORDS", ids);
  parser.flag("-f,--follow", follow, "Go on until the VM ends");
  parser.flag("--timestamps", timestamps, "Say before each line when it was begun, in UTC");
  if (auto print = parser.parse(words)) {
    return *std::move(print);
  }
  return check_logs_options(ids, follow, timestamps);
}

Command parse_device(std::span<const char* const> words) {
  Parser parser(words, "mayfly device",
                "Show the host's PCI devices, give them to vfio-pci or back, and lend them.",
                "mayfly device list | bind ADDRESS... | unbind ADDRESS... |\n"
                "                     serve --socket FILE [--iommu auto|type1|iommufd]\n"
                "                           ADDRESS[,ADDRESS]...[,memory=SIZE[,pages=2m][,node=N]]...",
                kDeviceFooter);
  std::vector<std::string> rest;
  ServeOptions serve;
  parser.arguments("ACTION", rest, "list, bind, unbind or serve, and addresses such as 0000:01:00.0");
  parser.text("--socket", serve.socket, "FILE", "Where serve makes its socket");
  parser.text("--iommu", serve.iommu, "auto|type1|iommufd", "The interface that serve opens devices by");
  std::string log_format;
  add_log_format(parser, log_format);
  if (auto print = parser.parse(words)) {
    return *std::move(print);
  }
  speak_as(log_format);
  if (!rest.empty() && rest.front() == "serve") {
    serve.lots.assign(rest.begin() + 1, rest.end());
    return check_serve_options(serve);
  }
  if (!serve.socket.empty() || !serve.iommu.empty()) {
    throw Error("--socket and --iommu are for mayfly device serve only");
  }
  return check_device_command(rest);
}

Command parse_pool(std::span<const char* const> words) {
  Parser parser(words, "mayfly pool", "Keep zeroed memory ready, for `mayfly run --pool FILE`.",
                "mayfly pool --socket FILE MEMORY...\n       mayfly pool --status FILE", kPoolFooter);
  PoolOptions options;
  std::string status;
  parser.arguments("MEMORY", options.memory, "What is kept, each a kind of its own");
  parser.text("--socket", options.socket, "FILE", "Where to make the socket");
  parser.text("--status", status, "FILE", "Say what the pool with its socket there has and has done");
  std::string log_format;
  add_log_format(parser, log_format);
  if (auto print = parser.parse(words)) {
    return *std::move(print);
  }
  speak_as(log_format);
  if (status.empty()) {
    return check_pool_options(options);
  }
  if (!options.socket.empty() || !options.memory.empty()) {
    throw Error("mayfly pool --status takes nothing else");
  }
  return PoolStatusCommand{std::move(status)};
}

Command parse_doctor(std::span<const char* const> words) {
  Parser parser(words, "mayfly doctor",
                "Check what this host has for microVMs, and say what to do about the rest.",
                "mayfly doctor [--json] [--record FILE | --host FILE]", kDoctorFooter);
  DoctorCommand command;
  bool json = false;
  parser.flag("--json", json, "Print JSON, with the gain of all that is on");
  parser.text("--record", command.record, "FILE",
              "Record this host in FILE as well, for a bug report or another machine's --host");
  parser.text("--host", command.host, "FILE", "Judge the host recorded in FILE instead of this one");
  if (auto print = parser.parse(words)) {
    return *std::move(print);
  }
  if (!command.record.empty() && !command.host.empty()) {
    throw Error("--record and --host exclude each other; see mayfly doctor --help");
  }
  if (json) {
    command.form = DoctorForm::kJson;
  }
  return command;
}

Command parse_exits(std::span<const char* const> words) {
  Parser parser(words, "mayfly exits",
                "Count why a process's guests leave their CPU, live or as a report, and compare two.",
                "mayfly exits [PID | --all] [--seconds N] [--json]\n       mayfly exits --compare BASE NEW",
                kExitsFooter);
  ExitsOptions options;
  parser.arguments("PID", options.words, "The process of the VM");
  parser.flag("--all", options.all, "All VMs of this host");
  parser.text("--seconds", options.seconds, "N", "One report, after so long");
  parser.flag("--json", options.json, "One report, as JSON");
  parser.flag("--compare", options.compare, "Compare two reports or timelines");
  if (auto print = parser.parse(words)) {
    return *std::move(print);
  }
  return std::visit([](auto command) { return Command(std::move(command)); }, check_exits_options(options));
}

Command parse_timeline(std::span<const char* const> words) {
  Parser parser(words, "mayfly timeline",
                "Draw the timeline that `mayfly run --timeline FILE` wrote: a bar for each phase.",
                "mayfly timeline [--perfetto] FILE", "Exit status: 0, or 125 when FILE is no timeline.");
  TimelineCommand command;
  bool perfetto = false;
  parser.argument("FILE", command.path, "Timeline in JSON");
  parser.flag("--perfetto", perfetto,
              "Print a trace that ui.perfetto.dev and chrome://tracing open, instead");
  if (auto print = parser.parse(words)) {
    return *std::move(print);
  }
  if (command.path.empty()) {
    throw Error("no timeline given; see mayfly timeline --help");
  }
  if (perfetto) {
    command.form = TimelineForm::kPerfetto;
  }
  return command;
}

/// A command that asks running VMs.
struct ControlWords {
  std::string_view word;
  ControlVerb verb;
  const char* description;
  const char* usage;
  const char* footer;
};
constexpr std::array<ControlWords, 10> kControlWords{
    {{"ps", ControlVerb::kPs, "List the VMs that run.", "mayfly ps [--json]", kPsFooter},
     {"status", ControlVerb::kStatus, "Say what a VM is doing.", "mayfly status ID [--json] [--watch]",
      kStatusFooter},
     {"balloon", ControlVerb::kBalloon, "Have a VM lend SIZE of its memory.", "mayfly balloon ID SIZE",
      kBalloonFooter},
     {"stop", ControlVerb::kStop, "End a VM: SIGTERM to its workload, later by force.",
      "mayfly stop ID [--timeout TIME]", kStopFooter},
     {"kill", ControlVerb::kKill, "End a VM by force.", "mayfly kill ID", kKillFooter},
     {"wait", ControlVerb::kWait, "Wait for a VM's end.", "mayfly wait ID", kWaitFooter},
     {"pause", ControlVerb::kPause, "Have a VM's CPUs stand still.", "mayfly pause ID", kPauseFooter},
     {"resume", ControlVerb::kResume, "Have a paused VM go on.", "mayfly resume ID", kPauseFooter},
     {"metrics", ControlVerb::kMetrics, "Print what VMs say of themselves as metrics for Prometheus.",
      "mayfly metrics [ID]...", kMetricsFooter},
     {"gc", ControlVerb::kGc, "Remove what VMs have left that were killed.", "mayfly gc [--cgroup FOLDER]",
      kGcFooter}}};

Command parse_control(const ControlWords& control, std::span<const char* const> words) {
  const std::string name = "mayfly " + std::string(control.word);
  Parser parser(words, name.c_str(), control.description, control.usage, control.footer);
  ControlOptions options;
  parser.arguments("WORDS", options.words);
  if (control.verb == ControlVerb::kPs || control.verb == ControlVerb::kStatus) {
    parser.flag("--json", options.json, "Print JSON");
  }
  if (control.verb == ControlVerb::kStatus) {
    parser.flag("--watch", options.watch, "Again each second, until the VM ends");
  }
  if (control.verb == ControlVerb::kStop) {
    parser.text("--timeout", options.timeout, "TIME", "How long the workload has; 10s when not given");
  }
  if (control.verb == ControlVerb::kGc) {
    parser.text("--cgroup", options.cgroup, "FOLDER", "Groups of run --cgroup FOLDER that nobody is in, too");
  }
  if (auto print = parser.parse(words)) {
    return *std::move(print);
  }
  return check_control_options(control.verb, options);
}

Command parse_completion(std::span<const char* const> words) {
  Parser parser(words, "mayfly completion", "Print a completion script for a shell.",
                "mayfly completion bash", "Into this shell: source <(mayfly completion bash)");
  std::string shell;
  parser.argument("SHELL", shell, "bash");
  if (auto print = parser.parse(words)) {
    return *std::move(print);
  }
  if (shell != "bash") {
    throw Error("no completion for '" + shell + "'; there is one for bash: mayfly completion bash");
  }
  return CompletionCommand{};
}

}  // namespace

Command parse_command_line(std::span<const char* const> arguments) {
  const std::string_view command = arguments.empty() ? std::string_view() : arguments.front();
  speak_as_asked(arguments);
  if (command == "run") {
    return parse_run(arguments.subspan(1));
  }
  if (command == "boot") {
    return parse_boot(arguments.subspan(1));
  }
  if (command == "exec") {
    return parse_exec(arguments.subspan(1));
  }
  if (command == "logs") {
    return parse_logs(arguments.subspan(1));
  }
  if (command == "device") {
    return parse_device(arguments.subspan(1));
  }
  if (command == "pool") {
    return parse_pool(arguments.subspan(1));
  }
  if (command == "doctor") {
    return parse_doctor(arguments.subspan(1));
  }
  if (command == "exits") {
    return parse_exits(arguments.subspan(1));
  }
  if (command == "timeline") {
    return parse_timeline(arguments.subspan(1));
  }
  if (command == "completion") {
    return parse_completion(arguments.subspan(1));
  }
  for (const ControlWords& control : kControlWords) {
    if (command == control.word) {
      return parse_control(control, arguments.subspan(1));
    }
  }
  Parser parser(arguments, "mayfly", "Boots a Linux microVM for one command, runs it, and is gone.",
                "mayfly COMMAND [OPTION]...", kFooter);
  if (auto print = parser.parse(arguments)) {
    return *std::move(print);
  }
  throw Error("no command given; see mayfly --help");
}

}  // namespace mayfly::cli
