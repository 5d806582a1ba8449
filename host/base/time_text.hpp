// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace mayfly {

/// A time of CLOCK_REALTIME as RFC 3339 has it, in UTC, with `digits` (1 to 9) behind the second. Any thread;
/// opens no file, as gmtime_r does.
[[nodiscard]] std::string time_text(std::uint64_t ns, unsigned digits);

}  // namespace mayfly
