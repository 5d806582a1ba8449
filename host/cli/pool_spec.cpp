// SPDX-License-Identifier: Apache-2.0
#include "cli/pool_spec.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "cli/quantity.hpp"
#include "cli/run_options.hpp"

namespace mayfly::cli {
namespace {

/// Pieces of one kind: more are a mistake.
constexpr std::uint64_t kPiecesMax = 4096;

[[noreturn]] void refuse_memory(std::string_view text, std::string_view why) {
  throw Error("'" + std::string(text) + "': " + std::string(why));
}

/// A number from `least` to `most`.
std::uint32_t check_number(std::string_view text, std::string_view key, std::string_view value,
                           std::uint64_t least, std::uint64_t most) {
  const auto number = parse_count(value);
  if (!number.has_value() || *number < least || *number > most) {
    refuse_memory(text, std::string(key) + " is a number from " + std::to_string(least) + " to " +
                            std::to_string(most));
  }
  return static_cast<std::uint32_t>(*number);
}

Pages check_kind(std::string_view text, std::string_view value) {
  for (const Pages each : {Pages::k4k, Pages::kThp, Pages::k2m, Pages::k1g}) {
    if (value == name(each)) {
      return each;
    }
  }
  refuse_memory(text, "pages is 2m, 1g, thp or 4k");
}

pool::ShelfSpec check_shelf(std::string_view text) {
  std::string_view rest = text;
  const auto bytes = parse_bytes(take_part(rest));
  if (!bytes.has_value() || *bytes < kMemoryMin || *bytes > kMemoryMax || *bytes % kMemoryStep != 0) {
    refuse_memory(text, "begin with a size as `mayfly run --memory` takes it, such as 512M or 8G");
  }
  pool::ShelfSpec spec{.bytes = *bytes};
  std::optional<std::uint32_t> most;
  while (!rest.empty()) {
    const auto [key, value] = take_setting(rest);
    if (key == "pages") {
      spec.pages = check_kind(text, value);
    } else if (key == "node") {
      spec.node = check_number(text, key, value, 0, kNodesMax - 1);
    } else if (key == "count") {
      spec.count = check_number(text, key, value, 1, kPiecesMax);
    } else if (key == "most") {
      most = check_number(text, key, value, 1, kPiecesMax);
    } else {
      refuse_memory(text, "after the size there may be pages=2m|1g|thp|4k, node=N, count=N and most=N");
    }
  }
  spec.most = most.value_or(spec.count);
  if (spec.most < spec.count) {
    refuse_memory(text, "most is less than count");
  }
  if (spec.bytes % page_bytes(spec.pages) != 0) {
    refuse_memory(text, "not a multiple of its pages");
  }
  return spec;
}

}  // namespace

std::vector<pool::ShelfSpec> check_shelves(const std::vector<std::string>& texts) {
  std::vector<pool::ShelfSpec> shelves;
  for (const std::string& text : texts) {
    const pool::ShelfSpec spec = check_shelf(text);
    if (std::ranges::any_of(shelves, [&](const pool::ShelfSpec& each) {
          return each.bytes == spec.bytes && each.pages == spec.pages && each.node == spec.node;
        })) {
      refuse_memory(text, "named twice; say count=N for more of it");
    }
    shelves.push_back(spec);
  }
  if (shelves.empty()) {
    throw Error("no memory given; see mayfly pool --help");
  }
  if (shelves.size() > pool::kShelvesMax) {
    throw Error("a pool keeps at most " + std::to_string(pool::kShelvesMax) + " kinds of memory");
  }
  return shelves;
}

}  // namespace mayfly::cli
