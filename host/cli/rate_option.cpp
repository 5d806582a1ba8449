// SPDX-License-Identifier: Apache-2.0
#include "cli/rate_option.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "cli/quantity.hpp"
#include "cli/refuse.hpp"

namespace mayfly::cli {
namespace {

/// The part of a second for which a bucket holds tokens, unless it is said.
constexpr std::uint64_t kBurstPart = 10;

}  // namespace

Rate check_rate(std::string_view option, std::string_view text, std::string_view key, std::string_view value,
                RateOf what) {
  const auto parse = what == RateOf::kBytes ? &parse_bytes : &parse_count;
  const std::size_t slash = std::min(value.find('/'), value.size());
  const std::uint64_t per_second = parse(value.substr(0, slash)).value_or(0);
  const std::uint64_t burst = slash == value.size() ? std::max<std::uint64_t>(per_second / kBurstPart, 1)
                                                    : parse(value.substr(slash + 1)).value_or(0);
  if (per_second == 0 || burst == 0) {
    refuse(option, text,
           std::string(key) +
               (what == RateOf::kBytes
                    ? " is bytes a second and, after a slash, bytes at once, such as 10M or 10M/1M"
                    : " is how many a second and, after a slash, at once, such as 500 or 500/50") +
               "; leave it out for no limit");
  }
  return {per_second, burst};
}

bool set_direction_rate(std::string_view option, std::string_view text, std::string_view key,
                        std::string_view value, RateLimits& receive, RateLimits& send) {
  const bool sends = key.starts_with("tx-");
  if (!sends && !key.starts_with("rx-")) {
    return false;
  }
  RateLimits& limits = sends ? send : receive;
  if (key.substr(3) == "rate") {
    limits.bytes = check_rate(option, text, key, value, RateOf::kBytes);
  } else if (key.substr(3) == "pps") {
    limits.operations = check_rate(option, text, key, value, RateOf::kThings);
  } else {
    return false;
  }
  return true;
}

}  // namespace mayfly::cli
