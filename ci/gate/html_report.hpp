// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "ci/gate/findings.hpp"

namespace mayfly::gate {

/// A page that stands alone: style and drawings are in it, scripts are not. Light or dark as the reader's
/// system is.
[[nodiscard]] std::string to_html(const Findings& findings);

}  // namespace mayfly::gate
