// SPDX-License-Identifier: Apache-2.0
#include "cli/boot.hpp"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

#include <signal.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/printable.hpp"
#include "base/say.hpp"
#include "cli/boot_child.hpp"
#include "cli/boot_statistics.hpp"
#include "cli/boot_summary.hpp"
#include "cli/print.hpp"
#include "vmm/outcome.hpp"
#include "vmm/timeline_file.hpp"

namespace mayfly::cli {
namespace {

constexpr int kExceeded = 1;
constexpr int kTimedOut = 124;
constexpr std::size_t kTailLines = 20;
// Mayfly ends by itself when its time is over; this is for one that does not.
constexpr std::uint64_t kGraceNs = 10'000'000'000;

/// How far we are, on stderr: one line of text that is written again on a terminal, else ten lines at most.
class Progress {
 public:
  explicit Progress(std::uint32_t total) noexcept
      : total_(total),
        json_(log_format() == LogFormat::kJson),
        terminal_(!json_ && ::isatty(STDERR_FILENO) == 1) {}
  ~Progress() {
    if (terminal_) {
      static_cast<void>(std::fputs("\r\x1b[K", stderr));
    }
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void booted(std::uint32_t count) const noexcept {
    const auto tenth = [this](std::uint32_t n) { return std::uint64_t{n} * 10 / total_; };
    if (terminal_) {
      static_cast<void>(std::fprintf(stderr, "\r%u of %u boots", count, total_));
    } else if (tenth(count) == tenth(count - 1)) {
      return;
    } else if (json_) {
      say(Severity::kInfo, std::to_string(count) + " of " + std::to_string(total_) + " boots");
    } else {
      static_cast<void>(std::fprintf(stderr, "%u of %u boots\n", count, total_));
    }
  }

 private:
  std::uint32_t total_;
  bool json_;
  bool terminal_;
};

/// Why a boot does not count; the exit status and what to say. Nothing when it does.
struct Failure {
  int status;
  std::string sentence;
};
std::optional<Failure> failure_of(const ChildEnd& end, const std::optional<boot::Report>& report,
                                  const BootConfig& config) {
  if (end.interrupted.has_value()) {
    return Failure{128 + *end.interrupted, "ended by signal " + std::to_string(*end.interrupted)};
  }
  const bool ready = report.has_value() && report->span("exec_to_ready_ns").has_value();
  const bool timed_out = end.overdue || (report.has_value() && report->facts.outcome == "timeout");
  if (timed_out) {
    return Failure{kTimedOut, std::string(ready ? "its command did not end" : "was not ready") + " within " +
                                  std::to_string(config.timeout_ns / 1'000'000) + " ms"};
  }
  if (end.status == 128 + SIGSYS) {
    return Failure{end.status,
                   "was killed by the sandbox (SIGSYS): it made a system call that no filter allows; the "
                   "kernel log names it, and --sandbox log goes on"};
  }
  if (end.status != 0) {
    return Failure{vmm::kOwnFailure, "failed with exit status " + std::to_string(end.status)};
  }
  if (!ready) {
    return Failure{vmm::kOwnFailure, "ended without being ready"};
  }
  return std::nullopt;
}

/// Where the guest was when the run ended.
std::string place_of(const std::optional<boot::Report>& report) {
  std::string name;
  for (const boot::Phase& phase : report.has_value() ? report->phases : std::vector<boot::Phase>()) {
    if (phase.unfinished) {
      name = phase.parts.empty() ? phase.name : phase.parts.back().name;
    }
  }
  return name;
}

void say_failure(std::uint32_t number, const Failure& failure, const ChildEnd& end,
                 const std::optional<boot::Report>& report) {
  std::string text = "boot " + std::to_string(number) + " " + failure.sentence;
  if (const std::string phase = place_of(report); !phase.empty()) {
    text += "; it was in the phase " + phase;
  }
  text += '\n';
  if (!end.errors.empty()) {
    text += "its stderr ends with\n" + tail_for_terminal(end.errors);
  }
  if (!end.console.empty()) {
    text += "the guest's console ends with\n" + tail_for_terminal(end.console);
  } else if (report.has_value()) {
    text += "the guest's console is empty; --cmdline-append loglevel=7 makes it say more\n";
  }
  text.pop_back();
  say(Severity::kError, text);
}

/// Boots until all are done or one fails; the exit status of the failure.
std::optional<int> boot_all(const BootConfig& config, const std::string& program,
                            std::vector<BootResult>& results) {
  EndSignals signals;
  const Progress progress(config.repeat);
  for (std::uint32_t number = 1; number <= config.repeat; ++number) {
    const ChildEnd end =
        run_child(program, config.run, config.command, signals, config.timeout_ns + kGraceNs);
    std::optional<boot::Report> report = boot::from_json(end.timeline);
    if (const auto failure = failure_of(end, report, config)) {
      say_failure(number, *failure, end, report);
      return failure->status;
    }
    const std::uint64_t exec_ns = report->exec.at_ns;
    results.push_back({*std::move(report), end.ended_ns - std::min(end.ended_ns, exec_ns)});
    progress.booted(number);
  }
  return std::nullopt;
}

}  // namespace

std::string tail_for_terminal(std::string_view text) {
  while (text.ends_with('\n') || text.ends_with('\r')) {
    text.remove_suffix(1);
  }
  std::size_t begin = text.size();
  for (std::size_t line = 0; line < kTailLines && begin != std::string_view::npos && begin > 0; ++line) {
    begin = text.rfind('\n', begin - 1);
  }
  if (begin != std::string_view::npos && begin > 0) {
    text.remove_prefix(begin + 1);
  }
  std::string result = "  | ";
  for (const char c : text) {
    if (c == '\n') {
      result += "\n  | ";
    } else if (c != '\r') {
      result += is_printable(c) ? c : '?';
    }
  }
  return result + '\n';
}

int boot_many(const BootConfig& config, const std::string& program) {
  const auto json_file = vmm::TimelineFile::open(config.json);
  std::vector<BootResult> results;
  if (const auto failed = boot_all(config, program, results)) {
    return *failed;
  }
  std::vector<Verdict> verdicts;
  for (const BootLimit& limit : config.limits) {
    verdicts.push_back(judge(results, limit));
  }
  if (json_file.has_value()) {
    json_file->write(to_json(results, verdicts));
  }
  print(summary(results));
  int status = 0;
  for (const Verdict& each : verdicts) {
    if (!each.kept()) {
      say(Severity::kError, complaint(each));
      status = kExceeded;
    }
  }
  return status;
}

}  // namespace mayfly::cli
