// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "ci/gate/findings.hpp"

namespace mayfly::gate {

/// Where time was lost and what may have done it, as sentences: of `moves` the phase that grew most, the
/// exits that grew with it, then what changed of kernel, image, mayfly, pages and options, the suspects of
/// that phase first.
[[nodiscard]] std::vector<std::string> causes_of(const std::vector<Move>& moves,
                                                 const std::vector<Difference>& differences, Mode mode);

}  // namespace mayfly::gate
