// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "cli/config_file.hpp"
#include "cli/help_text.hpp"
#include "cli/option_parser.hpp"

namespace mayfly::cli {
namespace {

// How a command is run in a guest.
template <typename Options>
void add_workload_options(CLI::App& app, Options& options) {
  set_type(*app.add_option("--env", options.environment,
                           "Environment variable of the command; of NAME alone the value is mayfly's own, "
                           "which no command line shows; may be repeated"),
           "NAME[=VALUE]");
  add_string(app, "--workdir", options.workdir, "DIR", "Directory of the command in the guest");
  add_string(app, "--user", options.user, "USER[:GROUP]", "User of the command, by name or number");
}

// What `run` and `boot` have in common.
void add_machine_options(CLI::App& app, RunOptions& run) {
  add_string(app, "--image", run.image, "FILE", "Root file system, made by mayfly-image build");
  add_string(app, "--kernel", run.kernel, "FILE",
             "Guest kernel, an ELF vmlinux; else $MAYFLY_KERNEL, else ../lib/mayfly/vmlinux beside mayfly");
  add_string(app, "--memory", run.memory, "SIZE", "Guest memory, 32M or more; 512M when not given");
  add_string(app, "--cpus", run.cpus, "N", "Guest CPUs, 1 to 64; 1 when not given");
  add_string(app, "--pages", run.pages, "auto|4k|thp|2m|1g",
             "Host pages of guest memory; auto takes the best free");
  add_string(
      app, "--numa", run.numa, "LIST",
      "NUMA nodes of the host that memory and CPUs are on, in equal parts; the guest has as many nodes");
  add_string(app, "--prefault", run.prefault, "none|boot|all",
             "Guest memory that is populated and mapped before the guest runs: what the image's last boot "
             "touched (kept in FILE.working-set), or all; none when not given");
  add_string(
      app, "--pool", run.pool, "FILE",
      "Take guest memory from the `mayfly pool` with its socket there: --memory, and --pages where given, "
      "must be what it keeps");
  add_string(app, "--balloon", run.balloon, "SIZE",
             "Give the guest a balloon, and have it lend that much of its memory back from the start");
  add_workload_options(app, run);
  add_string(app, "--cmdline-append", run.cmdline_append, "TEXT", "More for the kernel command line");
  add_string(
      app, "--sandbox", run.sandbox, "on|log|off",
      "Give up all that the guest's run does not need before it begins; log: tell the kernel log of what "
      "on would kill for; on when not given");
  app.add_flag_callback(
      "--verify", [&run] { run.image_check = vmm::ImageCheck::kWhole; },
      "Check the digest of the whole image first");
}

void add_run_options(CLI::App& app, RunOptions& run) {
  add_string(app, "--config", run.config, "FILE",
             "Take options from a JSON object, such as {\"image\": \"app.img\", \"cpus\": 2, \"command\": "
             "[\"sh\"]}; "
             "those of the command line go over it");
  add_machine_options(app, run);
  set_type(*app.add_option(
               "--device", run.devices,
               "Give the guest a PCI device that vfio-pci has (`mayfly device bind`); more after commas: "
               "iommu=auto|type1|iommufd, peers=yes|no, intx=auto|yes (auto: only without MSI-X); for one "
               "that is open already broker=FILE (`mayfly device "
               "serve`), container=N,group=N or iommufd=N,device=N (descriptors); may be repeated"),
           "vfio=ADDRESS");
  set_type(
      *app.add_option("--net", run.networks,
                      "Give the guest a network device: a tap of the host, or fd=N; after commas mac=MAC, "
                      "ip=ADDRESS/BITS, gateway=ADDRESS, dns=ADDRESS; may be repeated"),
      "tap=NAME");
  set_type(*app.add_option("--disk", run.disks,
                           "Give the guest a disk, a regular file or block device of the host: /dev/vda, the "
                           "next one /dev/vdb; after commas readonly, direct (past the page cache), "
                           "serial=NAME, mount=PATH (of the guest) and fs=ext4|erofs; may be repeated"),
           "FILE");
  add_string(app, "--vsock", run.vsock, "PATH",
             "Give the guest sockets (AF_VSOCK): clients connect to PATH and say CONNECT PORT, the guest "
             "reaches PATH_PORT; after a comma cid=N, its address, 3 when not given");
  add_string(
      app, "--dma-window", run.dma_window, "SIZE",
      "Lowest guest memory that is mapped for devices before the guest needs it; 256M when not given, but "
      "nothing of lent devices on a host of one processor. The rest follows when the guest needs it, or is "
      "ready");
  app.add_flag("--dedicated", run.dedicated,
               "Give each guest CPU an isolated CPU of the host, where it idles and spins without exits");
  add_string(app, "--dedicated-cpus", run.dedicated_cpus, "LIST",
             "The same, with CPUs of LIST, such as 2-5,8, which must be isolated");
  add_string(
      app, "--id", run.id, "ID",
      "What `mayfly ps` and others know the VM by, and `mayfly exec` may run further commands in it; a "
      "random one when not given, and no exec without --vsock");
  add_string(app, "--timeout", run.timeout, "TIME", "End the VM, at once, that long after mayfly's start");
  add_string(app, "--timeline", run.timeline, "FILE", "Write when each step of the boot happened, as JSON");
  add_string(app, "--console", run.console, "FILE|tty|none",
             "Where the guest kernel's console goes: a file, the terminal, or (when not given) nowhere");
  app.add_flag("--until-ready", run.until_ready,
               "End the VM when all is ready for the command, which is not run");
}

void add_boot_options(CLI::App& app, BootOptions& boot) {
  add_string(app, "--repeat", boot.repeat, "N", "How many boots, 1 to 100000; 10 when not given");
  for (auto& [percent, limit] : boot.limits) {
    const std::string name = "p" + std::to_string(percent);
    add_string(app, ("--" + name).c_str(), limit, "TIME",
               ("The most that " + name + " of exec to ready may be").c_str());
  }
  add_string(app, "--timeout", boot.run.timeout, "TIME",
             "The most that one boot may take; 30s when not given");
  add_string(app, "--json", boot.json, "FILE", "Write all figures as JSON");
  add_machine_options(app, boot.run);
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
  Parser parser("mayfly run", "Run a command in a new microVM.",
                "mayfly run --image FILE [OPTION]... [-- COMMAND [ARGUMENT]...]", kRunFooter);
  RunOptions options;
  add_run_options(parser.app, options);
  if (auto print = parse_with_command(parser, words, options.command)) {
    return *std::move(print);
  }
  if (!options.config.empty()) {
    apply_config_file(parser, options.config, options.command);
  }
  return options;
}

Command parse_boot(std::span<const char* const> words) {
  Parser parser("mayfly boot", "Boot many times and say how long it takes: percentiles, a histogram, limits.",
                "mayfly boot --image FILE [OPTION]... [-- COMMAND [ARGUMENT]...]", kBootFooter);
  BootOptions options;
  add_boot_options(parser.app, options);
  if (auto print = parse_with_command(parser, words, options.run.command)) {
    return *std::move(print);
  }
  return options;
}

Command parse_exec(std::span<const char* const> words) {
  Parser parser("mayfly exec", "Run a further command in a VM that runs.",
                "mayfly exec [OPTION]... ID -- COMMAND [ARGUMENT]...", kExecFooter);
  ExecOptions options;
  parser.app.add_option("WORDS", options.words, "")->type_name("")->group("");
  add_workload_options(parser.app, options);
  add_string(parser.app, "--timeout", options.timeout, "TIME", "Kill the command after that long");
  if (auto print = parse_with_command(parser, words, options.command)) {
    return *std::move(print);
  }
  return check_exec_options(std::move(options));
}

Command parse_device(std::span<const char* const> words) {
  Parser parser("mayfly device", "Show the host's PCI devices, give them to vfio-pci or back, and lend them.",
                "mayfly device list | bind ADDRESS... | unbind ADDRESS... |\n"
                "                     serve --socket FILE [--iommu auto|type1|iommufd] ADDRESS[,ADDRESS]...",
                kDeviceFooter);
  std::vector<std::string> rest;
  ServeOptions serve;
  parser.app.add_option("ACTION", rest, "list, bind, unbind or serve, and addresses such as 0000:01:00.0")
      ->type_name("");
  add_string(parser.app, "--socket", serve.socket, "FILE", "Where serve makes its socket");
  add_string(parser.app, "--iommu", serve.iommu, "auto|type1|iommufd",
             "The interface that serve opens devices by");
  if (auto print = parser.parse(words)) {
    return *std::move(print);
  }
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
  Parser parser("mayfly pool", "Keep zeroed memory ready, for `mayfly run --pool FILE`.",
                "mayfly pool --socket FILE MEMORY...\n       mayfly pool --status FILE", kPoolFooter);
  PoolOptions options;
  std::string status;
  parser.app.add_option("MEMORY", options.memory, "What is kept, each a kind of its own")->type_name("");
  add_string(parser.app, "--socket", options.socket, "FILE", "Where to make the socket");
  add_string(parser.app, "--status", status, "FILE",
             "Say what the pool with its socket there has and has done");
  if (auto print = parser.parse(words)) {
    return *std::move(print);
  }
  if (status.empty()) {
    return check_pool_options(options);
  }
  if (!options.socket.empty() || !options.memory.empty()) {
    throw Error("mayfly pool --status takes nothing else");
  }
  return PoolStatusCommand{std::move(status)};
}

Command parse_doctor(std::span<const char* const> words) {
  Parser parser("mayfly doctor", "Check what this host has for microVMs, and say what to do about the rest.",
                "mayfly doctor [--json] [--record FILE | --host FILE]", kDoctorFooter);
  DoctorCommand command;
  parser.app.add_flag_callback(
      "--json", [&command] { command.form = DoctorForm::kJson; },
      "Print JSON, with the gain of all that is on");
  add_string(parser.app, "--record", command.record, "FILE",
             "Record this host in FILE as well, for a bug report or another machine's --host");
  add_string(parser.app, "--host", command.host, "FILE",
             "Judge the host recorded in FILE instead of this one");
  if (auto print = parser.parse(words)) {
    return *std::move(print);
  }
  if (!command.record.empty() && !command.host.empty()) {
    throw Error("--record and --host exclude each other; see mayfly doctor --help");
  }
  return command;
}

Command parse_exits(std::span<const char* const> words) {
  Parser parser("mayfly exits",
                "Count why a process's guests leave their CPU, live or as a report, and compare two.",
                "mayfly exits [PID | --all] [--seconds N] [--json]\n       mayfly exits --compare BASE NEW",
                kExitsFooter);
  ExitsOptions options;
  parser.app.add_option("PID", options.words, "The process of the VM")->type_name("");
  parser.app.add_flag("--all", options.all, "All VMs of this host");
  add_string(parser.app, "--seconds", options.seconds, "N", "One report, after so long");
  parser.app.add_flag("--json", options.json, "One report, as JSON");
  parser.app.add_flag("--compare", options.compare, "Compare two reports or timelines");
  if (auto print = parser.parse(words)) {
    return *std::move(print);
  }
  return std::visit([](auto command) { return Command(std::move(command)); }, check_exits_options(options));
}

Command parse_timeline(std::span<const char* const> words) {
  Parser parser("mayfly timeline",
                "Draw the timeline that `mayfly run --timeline FILE` wrote: a bar for each phase.",
                "mayfly timeline [--perfetto] FILE", "Exit status: 0, or 125 when FILE is no timeline.");
  TimelineCommand command;
  set_type(*parser.app.add_option("FILE", command.path, "Timeline in JSON"), "");
  parser.app.add_flag_callback(
      "--perfetto", [&command] { command.form = TimelineForm::kPerfetto; },
      "Print a trace that ui.perfetto.dev and chrome://tracing open, instead");
  if (auto print = parser.parse(words)) {
    return *std::move(print);
  }
  if (command.path.empty()) {
    throw Error("no timeline given; see mayfly timeline --help");
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
     {"gc", ControlVerb::kGc, "Remove what VMs have left that were killed.", "mayfly gc", kGcFooter}}};

Command parse_control(const ControlWords& control, std::span<const char* const> words) {
  const std::string name = "mayfly " + std::string(control.word);
  Parser parser(name.c_str(), control.description, control.usage, control.footer);
  ControlOptions options;
  parser.app.add_option("WORDS", options.words, "")->type_name("")->group("");
  if (control.verb == ControlVerb::kPs || control.verb == ControlVerb::kStatus) {
    parser.app.add_flag("--json", options.json, "Print JSON");
  }
  if (control.verb == ControlVerb::kStatus) {
    parser.app.add_flag("--watch", options.watch, "Again each second, until the VM ends");
  }
  if (control.verb == ControlVerb::kStop) {
    add_string(parser.app, "--timeout", options.timeout, "TIME",
               "How long the workload has; 10s when not given");
  }
  if (auto print = parser.parse(words)) {
    return *std::move(print);
  }
  return check_control_options(control.verb, options);
}

Command parse_completion(std::span<const char* const> words) {
  Parser parser("mayfly completion", "Print a completion script for a shell.", "mayfly completion bash",
                "Into this shell: source <(mayfly completion bash)");
  std::string shell;
  set_type(*parser.app.add_option("SHELL", shell, "bash"), "");
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
  if (command == "run") {
    return parse_run(arguments.subspan(1));
  }
  if (command == "boot") {
    return parse_boot(arguments.subspan(1));
  }
  if (command == "exec") {
    return parse_exec(arguments.subspan(1));
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
  Parser parser("mayfly", "Boots a Linux microVM for one command, runs it, and is gone.",
                "mayfly COMMAND [OPTION]...", kFooter);
  if (auto print = parser.parse(arguments)) {
    return *std::move(print);
  }
  throw Error("no command given; see mayfly --help");
}

}  // namespace mayfly::cli
