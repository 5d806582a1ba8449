// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "ci/gate/findings.hpp"

namespace mayfly::gate {

enum class Colour { kNo, kYes };

/// Some lines for a terminal: the verdict, each check, where and why.
[[nodiscard]] std::string to_terminal(const Findings& findings, Colour colour);

/// For the summary of a pull request.
[[nodiscard]] std::string to_markdown(const Findings& findings);

/// JUnit's XML: a test case for each check. One that lacks evidence is skipped, with the reason.
[[nodiscard]] std::string to_junit(const Findings& findings);

/// One JSON object, schema version 1.
[[nodiscard]] std::string to_json_text(const Findings& findings);

}  // namespace mayfly::gate
