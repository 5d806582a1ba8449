// SPDX-License-Identifier: Apache-2.0
#include "cli/pool_spec.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "cli/memory_kind.hpp"
#include "cli/quantity.hpp"

namespace mayfly::cli {
namespace {

/// Pieces of one kind: more are a mistake.
constexpr std::uint64_t kPiecesMax = 4096;

pool::ShelfSpec check_shelf(std::string_view text) {
  std::string_view rest = text;
  pool::ShelfSpec spec{.kind = check_memory_kind(text, take_part(rest))};
  std::optional<std::uint32_t> most;
  while (!rest.empty()) {
    const auto [key, value] = take_setting(rest);
    if (key == "count") {
      spec.count = check_number(text, key, value, 1, kPiecesMax);
    } else if (key == "most") {
      most = check_number(text, key, value, 1, kPiecesMax);
    } else if (!set_memory_kind(spec.kind, text, key, value)) {
      refuse_memory(text, "after the size there may be pages=2m|1g|thp|4k, node=N, count=N and most=N");
    }
  }
  spec.most = most.value_or(spec.count);
  if (spec.most < spec.count) {
    refuse_memory(text, "most is less than count");
  }
  require_whole_pages(spec.kind, text);
  return spec;
}

}  // namespace

std::vector<pool::ShelfSpec> check_shelves(const std::vector<std::string>& texts) {
  std::vector<pool::ShelfSpec> shelves;
  for (const std::string& text : texts) {
    const pool::ShelfSpec spec = check_shelf(text);
    if (std::ranges::find(shelves, spec.kind, &pool::ShelfSpec::kind) != shelves.end()) {
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
