// SPDX-License-Identifier: Apache-2.0
#include "doctor/finding.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

namespace mayfly::doctor {
namespace {

using Json = nlohmann::ordered_json;

std::string_view word(Level level) noexcept {
  switch (level) {
    case Level::kOk:
      return "ok";
    case Level::kNone:
      return "none";
    case Level::kHint:
      return "hint";
    case Level::kWarn:
      return "warn";
    case Level::kFail:
      return "fail";
  }
  return "";
}

std::string padded(std::string_view text, std::size_t width) {
  std::string field(text);
  field.resize(std::max(width, text.size()), ' ');
  return field;
}

Json to_value(std::optional<bool> answer) { return answer.has_value() ? Json(*answer) : Json(nullptr); }

}  // namespace

Finding is_on(const Mechanism& mechanism, std::string what) {
  return {mechanism, Level::kOk, true, true, std::move(what), {}};
}

Finding is_off(const Mechanism& mechanism, std::string what, std::string mend) {
  return {mechanism, Level::kHint, true, false, std::move(what), std::move(mend)};
}

Finding is_absent(const Mechanism& mechanism, std::string what, std::string mend) {
  return {mechanism, Level::kNone, false, false, std::move(what), std::move(mend)};
}

Finding is_unknown(const Mechanism& mechanism, std::string what, std::string mend) {
  return {mechanism, Level::kNone, std::nullopt, std::nullopt, std::move(what), std::move(mend)};
}

Finding warning(const Mechanism& mechanism, std::string what, std::string mend) {
  return {mechanism, Level::kWarn, std::nullopt, false, std::move(what), std::move(mend)};
}

Finding failure(const Mechanism& mechanism, std::string what, std::string mend) {
  return {mechanism, Level::kFail, std::nullopt, false, std::move(what), std::move(mend)};
}

std::string to_text(std::span<const Finding> findings) {
  std::string text;
  for (const Finding& finding : findings) {
    const Mechanism& mechanism = finding.mechanism;
    text += padded(word(finding.level), 6) +
            padded(std::string(mechanism.area) + "." + std::string(mechanism.name), 27) + finding.what;
    if (!finding.mend.empty()) {
      text += " — " + finding.mend;
    }
    if (finding.on != true && !mechanism.gain.empty()) {
      text += " — gain: " + std::string(mechanism.gain) + " [" + std::string(mechanism.source) + "]";
    }
    text += '\n';
  }
  return text;
}

std::string to_json(std::span<const Finding> findings) {
  Json whole{{"run_works", can_run(findings)}, {"findings", Json::array()}};
  for (const Finding& finding : findings) {
    whole["findings"].push_back({{"area", finding.mechanism.area},
                                 {"name", finding.mechanism.name},
                                 {"level", word(finding.level)},
                                 {"present", to_value(finding.present)},
                                 {"on", to_value(finding.on)},
                                 {"what", finding.what},
                                 {"mend", finding.mend},
                                 {"gain", finding.mechanism.gain},
                                 {"source", finding.mechanism.source}});
  }
  return whole.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

bool can_run(std::span<const Finding> findings) noexcept {
  return std::ranges::none_of(findings, [](const Finding& finding) { return finding.level == Level::kFail; });
}

}  // namespace mayfly::doctor
