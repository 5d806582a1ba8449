// SPDX-License-Identifier: Apache-2.0
#include "cli/memory_kind.hpp"

#include <string>

#include "base/error.hpp"
#include "cli/quantity.hpp"
#include "cli/run_options.hpp"
#include "memory/nodes.hpp"

namespace mayfly::cli {
namespace {

Pages check_kind(std::string_view text, std::string_view value) {
  for (const Pages each : {Pages::k4k, Pages::kThp, Pages::k2m, Pages::k1g}) {
    if (value == name(each)) {
      return each;
    }
  }
  refuse_memory(text, "pages is 2m, 1g, thp or 4k");
}

}  // namespace

void refuse_memory(std::string_view text, std::string_view why) {
  throw Error("'" + std::string(text) + "': " + std::string(why));
}

std::uint32_t check_number(std::string_view text, std::string_view key, std::string_view value,
                           std::uint64_t least, std::uint64_t most) {
  const auto number = parse_count(value);
  if (!number.has_value() || *number < least || *number > most) {
    refuse_memory(text, std::string(key) + " is a number from " + std::to_string(least) + " to " +
                            std::to_string(most));
  }
  return static_cast<std::uint32_t>(*number);
}

MemoryKind check_memory_kind(std::string_view text, std::string_view value) {
  const auto bytes = parse_bytes(value);
  if (!bytes.has_value() || *bytes < kMemoryMin || *bytes > kMemoryMax || *bytes % kMemoryStep != 0) {
    refuse_memory(text, "'" + std::string(value) +
                            "' is no size as `mayfly run --memory` takes it, such as 512M or 8G");
  }
  return {.bytes = *bytes};
}

bool set_memory_kind(MemoryKind& kind, std::string_view text, std::string_view key, std::string_view value) {
  if (key == "pages") {
    kind.pages = check_kind(text, value);
  } else if (key == "node") {
    kind.node = check_number(text, key, value, 0, kNodesMax - 1);
  } else {
    return false;
  }
  return true;
}

void require_whole_pages(const MemoryKind& kind, std::string_view text) {
  if (kind.bytes % page_bytes(kind.pages) != 0) {
    refuse_memory(text, "not a multiple of its pages");
  }
}

}  // namespace mayfly::cli
