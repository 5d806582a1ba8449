// SPDX-License-Identifier: Apache-2.0
#include "cli/exits_command.hpp"

#include <algorithm>
#include <climits>
#include <utility>

#include <unistd.h>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/text_file.hpp"
#include "cli/print.hpp"
#include "cli/quantity.hpp"
#include "exits/kvm_counters.hpp"
#include "exits/recorder.hpp"
#include "exits/trace_events.hpp"
#include "exits/vm_processes.hpp"
#include "vmm/signals.hpp"

namespace mayfly::cli {
namespace {

using exits::Recorder;

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint64_t kSecondsMax = 86400;
// What a terminal has room for.
constexpr std::size_t kLiveRows = 8;
constexpr std::size_t kReportRows = 40;

std::optional<pid_t> process_in(const std::vector<std::string>& words) {
  if (words.empty()) {
    return std::nullopt;
  }
  const auto process = parse_count(words.front());
  if (words.size() > 1 || !process.has_value() || *process == 0 || *process > INT_MAX) {
    throw Error("mayfly exits takes the number of one process, not '" + words.back() +
                "'; see mayfly exits --help");
  }
  return static_cast<pid_t>(*process);
}

/// Counts, and what they are counted with.
class Watch {
 public:
  explicit Watch(const ExitsCommand& command)
      : scope_(command.scope),
        process_(scope_ == exits::Scope::kHost
                     ? std::nullopt
                     : std::optional(exits::choose_vm("", command.process).process)),
        recorder_(exits::read_events(""), process_),
        kvm_before_(kvm_counters()) {}

  /// Goes on counting for `ns`.
  Recorder::End go_on(std::uint64_t ns, int stop_fd) {
    const Recorder::End end = recorder_.collect(ns, stop_fd, tally_);
    // A VM that is gone has taken its counters with it.
    if (exits::KvmCounters now = kvm_counters(); !now.empty()) {
      kvm_after_ = std::move(now);
    }
    return end;
  }

  /// What was counted since the last call.
  exits::Report take() {
    const std::uint64_t now = monotonic_ns();
    exits::Report report =
        exits::make_report(std::exchange(tally_, {}), exits::growth(kvm_before_, kvm_after_),
                           now - std::exchange(begin_, now), scope_);
    kvm_before_ = kvm_after_;
    return report;
  }

 private:
  [[nodiscard]] exits::KvmCounters kvm_counters() const {
    return process_.has_value() ? exits::read_kvm_counters("", *process_) : exits::KvmCounters();
  }

  exits::Scope scope_;
  std::optional<pid_t> process_;
  Recorder recorder_;
  exits::Tally tally_;
  exits::KvmCounters kvm_before_;
  exits::KvmCounters kvm_after_;
  std::uint64_t begin_ = monotonic_ns();
};

/// A table each second, in place where stdout is a terminal.
void show_live(Watch& watch, int stop_fd) {
  const std::string home = ::isatty(STDOUT_FILENO) == 1 ? "\x1b[H\x1b[2J" : "";
  Recorder::End end{};
  do {
    end = watch.go_on(kSecondNs, stop_fd);
    print(home + exits::to_text(watch.take(), kLiveRows) + "\n");
  } while (end == Recorder::End::kTimeIsUp);
}

/// One report at the end. KVM's counters are looked at each second, as they go with the VM.
exits::Report count_for(Watch& watch, std::optional<std::uint64_t> ns, int stop_fd) {
  std::uint64_t left = ns.value_or(UINT64_MAX);
  while (left > 0) {
    const std::uint64_t step = std::min(left, kSecondNs);
    if (watch.go_on(step, stop_fd) != Recorder::End::kTimeIsUp) {
      break;
    }
    left -= ns.has_value() ? step : 0;
  }
  return watch.take();
}

exits::Report read_report(const std::string& path) {
  const std::optional<std::string> text = read_text_file(path, exits::kReportBytesMax);
  if (!text.has_value()) {
    fail_errno("cannot read report " + path);
  }
  return exits::parse_report(path, *text);
}

}  // namespace

std::variant<ExitsCommand, ExitsCompareCommand> check_exits_options(const ExitsOptions& options) {
  if (options.compare) {
    if (options.all || options.json || !options.seconds.empty() || options.words.size() != 2) {
      throw Error("mayfly exits --compare takes two reports and nothing else: BASE NEW");
    }
    return ExitsCompareCommand{options.words[0], options.words[1]};
  }
  ExitsCommand command{.process = process_in(options.words)};
  if (options.all && command.process.has_value()) {
    throw Error("--all and the number of a process exclude each other; see mayfly exits --help");
  }
  command.scope = options.all ? exits::Scope::kHost : exits::Scope::kProcess;
  command.form = options.json ? ExitsForm::kJson : ExitsForm::kText;
  if (!options.seconds.empty()) {
    const auto seconds = parse_count(options.seconds);
    if (!seconds.has_value() || *seconds == 0 || *seconds > kSecondsMax) {
      throw Error("--seconds takes a number from 1 to 86400, not '" + options.seconds + "'");
    }
    command.ns = *seconds * kSecondNs;
  }
  return command;
}

void show_exits(const ExitsCommand& command) {
  vmm::Signals stop({SIGINT, SIGTERM});
  Watch watch(command);
  if (command.form == ExitsForm::kText && !command.ns.has_value()) {
    show_live(watch, stop.fd());
  } else {
    const exits::Report report = count_for(watch, command.ns, stop.fd());
    print(command.form == ExitsForm::kJson ? exits::to_json(report) : exits::to_text(report, kReportRows));
  }
  // One that is left would end us as the mask is given back.
  while (stop.next().has_value()) {
  }
}

std::string compare_exits(const ExitsCompareCommand& command) {
  return exits::compare(read_report(command.base), read_report(command.next));
}

}  // namespace mayfly::cli
