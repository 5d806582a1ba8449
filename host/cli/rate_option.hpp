// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "base/rate_limit.hpp"

namespace mayfly::cli {

/// What a limit counts.
enum class RateOf : std::uint8_t {
  kBytes,  ///< As parse_bytes() has them.
  kThings,
};

/// The limit that is `value`, N[/BURST] a second, of `key` in `text`, which was given to `option`. Without
/// BURST a tenth of N. Throws Error that names all of this and what is allowed.
[[nodiscard]] Rate check_rate(std::string_view option, std::string_view text, std::string_view key,
                              std::string_view value, RateOf what);

/// Sets the limit of a device's direction that `key` is: rx-rate or tx-rate of bytes, rx-pps or tx-pps of
/// packets; false when it is none of them. The rest as check_rate() has it.
[[nodiscard]] bool set_direction_rate(std::string_view option, std::string_view text, std::string_view key,
                                      std::string_view value, RateLimits& receive, RateLimits& send);

}  // namespace mayfly::cli
