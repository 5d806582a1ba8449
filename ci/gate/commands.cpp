// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/commands.hpp"

#include <array>
#include <set>

#include <sys/random.h>
#include <unistd.h>

#include "base/error.hpp"
#include "ci/gate/budget.hpp"
#include "ci/gate/counted.hpp"
#include "ci/gate/files.hpp"
#include "ci/gate/html_report.hpp"
#include "ci/gate/judge.hpp"
#include "ci/gate/measure.hpp"
#include "ci/gate/text_reports.hpp"

namespace mayfly::gate {
namespace {

// Tells measurements that took turns from all others.
std::string new_session() {
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != sizeof number) {
    fail_errno("cannot get a random number");
  }
  return std::to_string(number);
}

// What guest memory was made of in all boots, as a fact of the guest.
std::string pages_of(const std::vector<Sample>& samples) {
  std::set<std::string> kinds;
  for (const Sample& sample : samples) {
    kinds.insert(sample.pages);
  }
  std::string text;
  for (const std::string& kind : kinds) {
    text += (text.empty() ? "" : " and ") + kind;
  }
  return text;
}

Measurement load(const std::string& file) { return parse_measurement(file, read_file(file)); }

ExitStatus status_of(const Findings& findings) {
  if (!findings.verdict || *findings.verdict == Verdict::kPass) {
    return ExitStatus::kPass;
  }
  return *findings.verdict == Verdict::kFail ? ExitStatus::kFail : ExitStatus::kNotEnoughEvidence;
}

ExitStatus deliver(const Findings& findings, const Outputs& outputs) {
  const auto write = [](const std::string& file, const std::string& text) {
    if (!file.empty()) {
      write_file(file, text);
    }
  };
  write(outputs.html, to_html(findings));
  write(outputs.json, to_json_text(findings));
  write(outputs.junit, to_junit(findings));
  write(outputs.markdown, to_markdown(findings));
  const std::set<std::string> files = {outputs.html, outputs.json, outputs.junit, outputs.markdown};
  if (!files.contains("-")) {
    write_file("-", to_terminal(findings, ::isatty(STDOUT_FILENO) == 1 ? Colour::kYes : Colour::kNo));
  }
  return status_of(findings);
}

class Runner {
 public:
  ExitStatus operator()(const MeasureCommand& command) const {
    const BootPlan plan{command.variants, command.boots, command.warm_up, command.timeout_ns};
    // Digests first: a file that is missing is found before any boot.
    std::vector<std::map<std::string, std::string>> guests(plan.variants.size());
    for (std::size_t i = 0; i < guests.size() && !command.in_lab; ++i) {
      guests[i] = guest_facts(plan.variants[i]);
    }
    Counted taken;
    if (command.mode == Mode::kCounted) {
      taken = measure_counted({plan, command.runs, command.hugepages_2m, default_lab()});
    } else {
      taken = {measure_boots(plan), host_facts("")};
    }
    const std::string session = new_session();
    for (std::size_t i = 0; i < plan.variants.size(); ++i) {
      Measurement measurement{command.mode,
                              session,
                              command.label,
                              utc_now(),
                              {taken.host, guests[i]},
                              std::move(taken.samples[i])};
      measurement.fingerprint.guest["pages"] = pages_of(measurement.samples);
      write_file(command.outputs[i], to_text(measurement));
      if (i == 0 && !command.append_history.empty()) {
        append_file(command.append_history, to_line(entry_of(measurement)));
      }
    }
    return ExitStatus::kPass;
  }

  ExitStatus operator()(const CheckCommand& command) const {
    const Budget budget = parse_budget(command.budget, read_file(command.budget));
    std::optional<std::vector<HistoryEntry>> history;
    if (!command.history.empty()) {
      history = parse_history(command.history, read_file(command.history));
    }
    return deliver(check_budget(command.budget, budget, load(command.measurement), history), command.outputs);
  }

  ExitStatus operator()(const CompareCommand& command) const {
    Measurement now = load(command.now);
    std::vector<Allowance> allowances = default_allowances(now.mode);
    if (!command.budget.empty()) {
      allowances = parse_budget(command.budget, read_file(command.budget)).allowances;
    } else if (command.allowed) {
      allowances.front().allowed = *command.allowed;
    }
    return deliver(compare(load(command.base), std::move(now), allowances, command.accepted),
                   command.outputs);
  }

  ExitStatus operator()(const ReportCommand& command) const {
    Findings findings{.title = "measurement", .measurement = load(command.measurement)};
    const HistoryEntry now = entry_of(findings.measurement);
    if (!command.base.empty()) {
      findings.base = load(command.base);
      findings.differences = differences(findings.base->fingerprint, now.fingerprint);
    }
    if (!command.history.empty()) {
      findings.history =
          like(parse_history(command.history, read_file(command.history)), now.mode, now.fingerprint);
    }
    return deliver(findings, command.outputs);
  }

  ExitStatus operator()(const PrintCommand& command) const {
    write_file("-", command.text);
    return ExitStatus::kPass;
  }
};

}  // namespace

ExitStatus run_command(const Command& command) { return std::visit(Runner{}, command); }

}  // namespace mayfly::gate
