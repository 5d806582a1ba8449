// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/cause.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

namespace mayfly::gate {
namespace {

// What may make a phase longer, likeliest first. A phase that begins like one of these has its suspects; any
// other has the last line's.
struct Suspects {
  std::string_view phase;
  std::array<std::string_view, 4> facts;
};
constexpr std::array kSuspects = {
    Suspects{"kernel_read", {"guest.kernel", "guest.mayfly"}},
    Suspects{"guest_kernel", {"guest.kernel", "guest.pages", "guest.mayfly", "guest.options"}},
    Suspects{"kernel", {"guest.kernel", "guest.pages", "guest.mayfly", "guest.options"}},
    Suspects{"enter", {"guest.kernel", "guest.pages", "guest.mayfly"}},
    Suspects{"guest_init", {"guest.image", "guest.pages", "guest.kernel"}},
    Suspects{"workload", {"guest.image", "guest.command", "guest.pages"}},
    Suspects{"memory", {"guest.pages", "guest.mayfly", "guest.options"}},
    Suspects{"", {"guest.mayfly", "guest.options"}},
};
constexpr double kBytesInMiB = 1048576;

std::size_t rank(const std::string& phase, const std::string& key) {
  const auto line =
      std::ranges::find_if(kSuspects, [&](const Suspects& s) { return phase.starts_with(s.phase); });
  const auto* const at = std::ranges::find(line->facts, key);
  return static_cast<std::size_t>(at - line->facts.begin());
}

double sure_growth(const Move& move) { return move.least_growth.value_or(move.now - move.base); }

// Of those that grew the one of which it is surest: what takes now long and now short, boot by boot, has a
// median that moves by itself.
const Move* largest_growth(const std::vector<Move>& moves, std::string_view kind) {
  const Move* largest = nullptr;
  for (const Move& move : moves) {
    if (move.metric.starts_with(kind) && move.metric != "exits.total" && move.now > move.base &&
        (largest == nullptr || sure_growth(move) > sure_growth(*largest))) {
      largest = &move;
    }
  }
  return largest;
}

std::string growth(const Move& move, Mode mode) {
  return amount(move.base, unit_of(move.metric, mode)) + " to " +
         amount(move.now, unit_of(move.metric, mode)) +
         (move.base > 0 ? " (" + percent((move.now - move.base) / move.base) + ")" : "");
}

double number(const std::string& text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// ", 2.00 MiB larger", for a file whose size is a fact, too.
std::string size_change(const std::vector<Difference>& differences, const std::string& key) {
  for (const Difference& difference : differences) {
    if (difference.key == key + "_bytes") {
      const double change = number(difference.now) - number(difference.base);
      const std::string size = std::abs(change) < kBytesInMiB / 16
                                   ? amount(std::abs(change), "") + " bytes"
                                   : amount(std::abs(change) / kBytesInMiB, "MiB");
      return ", " + size + (change > 0 ? " larger" : " smaller");
    }
  }
  return ", of the same size";
}

bool is_file(const std::string& key) {
  return key == "guest.kernel" || key == "guest.image" || key == "guest.mayfly" ||
         key == "guest.kernel_config";
}

std::string describe(const Difference& difference, const std::vector<Difference>& differences) {
  const std::string what = difference.key.substr(difference.key.find('.') + 1);
  if (difference.key == "guest.pages") {
    return "guest memory is made of " + difference.now + " pages, not of " + difference.base + " as before";
  }
  if (difference.key == "guest.kernel_config") {
    return "the kernel's configuration is another one";
  }
  if (is_file(difference.key)) {
    return "the " + what + " is another one" + size_change(differences, difference.key);
  }
  return what + " was '" + difference.base + "' and is '" + difference.now + "'";
}

}  // namespace

std::vector<std::string> causes_of(const std::vector<Move>& moves, const std::vector<Difference>& differences,
                                   Mode mode) {
  std::vector<std::string> causes;
  const Move* const phase = largest_growth(moves, "phase.");
  const std::string phase_name = phase == nullptr ? "" : short_name(phase->metric);
  if (phase != nullptr) {
    causes.push_back("the phase that grew most is " + phase_name + ": " + growth(*phase, mode));
  }
  if (const Move* const exits = largest_growth(moves, "exits.")) {
    causes.push_back(
        "exits that grew most: " + short_name(exits->metric).substr(std::string("exits.").size()) + ", " +
        growth(*exits, mode));
  }
  std::vector<Difference> suspects;
  std::ranges::copy_if(differences, std::back_inserter(suspects),
                       [](const Difference& d) { return !d.key.ends_with("_bytes"); });
  std::ranges::stable_sort(suspects, {}, [&](const Difference& d) { return rank(phase_name, d.key); });
  for (std::size_t i = 0; i < suspects.size(); ++i) {
    causes.push_back((i == 0 ? "likely cause: " : "changed, too: ") + describe(suspects[i], differences));
  }
  if (suspects.empty()) {
    causes.emplace_back(
        "mayfly, kernel, image, options and pages are the same as before: look at the host, and measure "
        "both by turns with measure --against");
  }
  return causes;
}

}  // namespace mayfly::gate
