// SPDX-License-Identifier: Apache-2.0
// A report of exits, or a timeline, that somebody sent: refused in a sentence, or shown and compared whatever
// it says.
#include <cstdint>
#include <string_view>

#include "base/error.hpp"
#include "exits/report.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mayfly::exits;
  try {
    // Safe: bytes as characters.
    const Report report = parse_report("report", {reinterpret_cast<const char*>(data), size});
    MAYFLY_ASSERT(!to_text(report, 4).empty());
    MAYFLY_ASSERT(!compare(report, report).empty());
    if (report.unit == Unit::kSecond) {
      // What was written is read again, and says the same.
      MAYFLY_ASSERT(to_json(parse_report("again", to_json(report))) == to_json(report));
    }
  } catch (const mayfly::Error&) {
    // refused
  }
  return 0;
}
