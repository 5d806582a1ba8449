// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include <nlohmann/json.hpp>

#include "control/status.hpp"

namespace mayfly::control {

// For messages.cpp. Pure functions; any thread.

[[nodiscard]] nlohmann::ordered_json to_json(const Status& status);
/// Nothing when it is no status.
[[nodiscard]] std::optional<Status> read_status(const nlohmann::ordered_json& json);

}  // namespace mayfly::control
