// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/text_reports.hpp"

#include <algorithm>

#include "ci/gate/svg.hpp"

namespace mayfly::gate {
namespace {

std::string mark(Verdict verdict, Colour colour) {
  std::string word = verdict == Verdict::kPass ? "ok  " : verdict == Verdict::kFail ? "FAIL" : "?   ";
  if (colour == Colour::kNo) {
    return word;
  }
  const char* const code = verdict == Verdict::kPass ? "32" : verdict == Verdict::kFail ? "31;1" : "33";
  return std::string("\x1b[") + code + "m" + word + "\x1b[0m";
}

std::string symbol(Verdict verdict) {
  return verdict == Verdict::kPass   ? ":white_check_mark:"
         : verdict == Verdict::kFail ? ":x:"
                                     : ":grey_question:";
}

// A table's cell holds no bar and no line break.
std::string cell(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  std::string result;
  for (const char c : text) {
    result += c == '|' ? "\\|" : std::string(1, c);
  }
  return result;
}

std::string conclusion(const Findings& findings) {
  std::string text(findings.verdict ? name(*findings.verdict) : "measured");
  if (findings.runs_needed && findings.verdict == Verdict::kNotEnoughEvidence) {
    text += ", about " + std::to_string(*findings.runs_needed) + " boots would decide";
  }
  return text;
}

// The spans of a measurement that nothing judges.
std::string spans(const Findings& findings) {
  std::string text;
  for (const auto& [metric, values] : metrics_of(findings.measurement.samples)) {
    if (metric.starts_with("span.") || metric == "exits.total" || metric == "memory.resident") {
      const std::string unit = unit_of(metric, findings.measurement.mode);
      text += "      " + short_name(metric) + ": median " + amount(median(values), unit) + ", from " +
              amount(quantile(values, 0), unit) + " to " + amount(quantile(values, 1), unit) + "\n";
    }
  }
  return text;
}

}  // namespace

std::string to_terminal(const Findings& findings, Colour colour) {
  std::string text;
  for (const Check& check : findings.checks) {
    text += mark(check.judgement.verdict, colour) + "  " + name_of(check) + ": " +
            sentence_of(check, findings.measurement.mode) + "\n";
  }
  if (findings.checks.empty()) {
    text += spans(findings);
  }
  for (const std::string& cause : findings.causes) {
    text += "      " + cause + "\n";
  }
  return text + findings.title + ": " + conclusion(findings) + "\n";
}

std::string to_markdown(const Findings& findings) {
  std::string text = "### Boot: " + cell(conclusion(findings)) + "\n\n";
  if (findings.verdict) {
    text += "| | check | found |\n|---|---|---|\n";
    for (const Check& check : findings.checks) {
      text += "| " + symbol(check.judgement.verdict) + " | " + cell(name_of(check)) + " | " +
              cell(sentence_of(check, findings.measurement.mode)) + " |\n";
    }
    text += "\n";
  }
  for (const std::string& cause : findings.causes) {
    text += "- " + cell(cause) + "\n";
  }
  const Measurement& measurement = findings.measurement;
  return text + (findings.causes.empty() ? "" : "\n") + std::to_string(measurement.samples.size()) +
         " boots, " + std::string(name(measurement.mode)) +
         (measurement.label.empty() ? "" : ", " + cell(measurement.label)) + "\n";
}

std::string to_junit(const Findings& findings) {
  const auto count = [&](Verdict verdict) {
    return std::to_string(std::ranges::count_if(
        findings.checks, [&](const Check& check) { return check.judgement.verdict == verdict; }));
  };
  std::string text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"mayfly-gate\" tests=\"" +
                     std::to_string(findings.checks.size()) + "\" failures=\"" + count(Verdict::kFail) +
                     "\" skipped=\"" + count(Verdict::kNotEnoughEvidence) + "\" errors=\"0\">\n";
  std::string why;
  for (const std::string& cause : findings.causes) {
    why += cause + "\n";
  }
  for (const Check& check : findings.checks) {
    const std::string sentence = escape(sentence_of(check, findings.measurement.mode));
    text += "  <testcase classname=\"mayfly-gate\" name=\"" + escape(name_of(check)) + "\"";
    switch (check.judgement.verdict) {
      case Verdict::kPass:
        text += "><system-out>" + sentence + "</system-out></testcase>\n";
        break;
      case Verdict::kFail:
        text += "><failure message=\"" + sentence + "\">" + escape(why) + "</failure></testcase>\n";
        break;
      case Verdict::kNotEnoughEvidence:
        text += "><skipped message=\"" + sentence + "\"/></testcase>\n";
        break;
    }
  }
  return text + "</testsuite>\n";
}

std::string to_json_text(const Findings& findings) {
  const Mode mode = findings.measurement.mode;
  Json json;
  json["version"] = 1;
  json["title"] = findings.title;
  if (findings.verdict) {
    json["verdict"] = name(*findings.verdict);
  }
  if (findings.runs_needed) {
    json["runs_needed"] = *findings.runs_needed;
  }
  json["mode"] = name(mode);
  json["boots"] = findings.measurement.samples.size();
  json["label"] = findings.measurement.label;
  json["fingerprint"] = to_json(findings.measurement.fingerprint);
  json["checks"] = Json::array();
  for (const Check& check : findings.checks) {
    Json item{{"name", name_of(check)},
              {"verdict", name(check.judgement.verdict)},
              {"metric", check.metric},
              {"unit", check.kind == CheckKind::kLimit ? unit_of(check.metric, mode) : "fraction"},
              {"limit", check.limit},
              {"value", check.judgement.value},
              {"low", check.judgement.low},
              {"high", check.judgement.high},
              {"sentence", sentence_of(check, mode)}};
    if (check.judgement.runs_needed) {
      item["runs_needed"] = *check.judgement.runs_needed;
    }
    json["checks"].push_back(std::move(item));
  }
  json["causes"] = findings.causes;
  json["moves"] = Json::array();
  for (const Move& move : findings.moves) {
    json["moves"].push_back({{"metric", move.metric}, {"base", move.base}, {"now", move.now}});
  }
  json["differences"] = Json::array();
  for (const Difference& difference : findings.differences) {
    json["differences"].push_back(
        {{"key", difference.key}, {"base", difference.base}, {"now", difference.now}});
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace mayfly::gate
