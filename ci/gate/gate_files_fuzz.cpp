// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as each of the files that mayfly-gate reads: they are refused with an Error, or are read and can
// be judged, shown and, what mayfly-gate writes itself, written so that they are read the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/error.hpp"
#include "ci/gate/html_report.hpp"
#include "ci/gate/judge.hpp"
#include "ci/gate/plan.hpp"
#include "ci/gate/text_reports.hpp"

namespace mayfly::gate {
namespace {

template <typename Action>
void try_reading(const Action& action) {
  try {
    action();
  } catch (const Error&) {
    return;
  }
}

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

void read_measurement(std::string_view text) {
  const Measurement measurement = parse_measurement("file", text);
  const std::string written = to_text(measurement);
  require(to_text(parse_measurement("again", written)) == written);
  const Findings findings = compare(measurement, measurement, default_allowances(measurement.mode), {});
  require(!to_html(findings).empty() && !to_junit(findings).empty() && !to_json_text(findings).empty());
}

void read_history(std::string_view text) {
  for (const HistoryEntry& entry : parse_history("file", text)) {
    require(parse_history("again", to_line(entry)).size() == 1);
  }
}

void read_plan(std::string_view text) {
  const std::string written = to_text(parse_plan("file", text));
  require(to_text(parse_plan("again", written)) == written);
}

}  // namespace
}  // namespace mayfly::gate

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mayfly::gate;  // NOLINT(google-build-using-namespace)
  // Safe: bytes viewed as characters.
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try_reading([&] { static_cast<void>(parse_budget("file", text)); });
  try_reading([&] { read_measurement(text); });
  try_reading([&] { read_history(text); });
  try_reading([&] { read_plan(text); });
  try_reading([&] { static_cast<void>(fault_of(parse_timeline("file", parse_json("file", text)))); });
  return 0;
}
