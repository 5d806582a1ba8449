// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/budget.hpp"

#include <array>

#include "ci/gate/json_reader.hpp"

namespace mayfly::gate {
namespace {

constexpr double kPercent = 100;

class Parser {
 public:
  explicit Parser(Budget& budget) : budget_(budget) {}

  // "spans" and "phases": for each name, "wall" and "counted".
  void read_times(ObjectReader& root, const char* section, const std::string& prefix) {
    if (!root.has(section)) {
      return;
    }
    ObjectReader names = root.object(section);
    for (const std::string& name : names.keys()) {
      ObjectReader times = names.object(name);
      if (!times.has("wall") && !times.has("counted")) {
        names.refuse(name, "has no limit; give it \"wall\" or \"counted\" or both");
      }
      if (times.has("wall")) {
        read_wall(times.object("wall"), prefix + name);
      }
      if (times.has("counted")) {
        ObjectReader counted = times.object("counted");
        add_limit(prefix + name, Mode::kCounted, 0.5, counted.number("minsn"));
        add_allowance(prefix + name, Mode::kCounted, counted);
        counted.refuse_unknown();
      }
      times.refuse_unknown();
    }
  }

  // "exits" and "memory": for each name, a limit in both modes.
  void read_amounts(ObjectReader& root, const char* section, const std::string& prefix, const char* key) {
    if (!root.has(section)) {
      return;
    }
    ObjectReader names = root.object(section);
    for (const std::string& name : names.keys()) {
      ObjectReader amount = names.object(name);
      const double limit = amount.number(key);
      for (const Mode mode : {Mode::kWall, Mode::kCounted}) {
        add_limit(prefix + name, mode, 0.5, limit);
        add_allowance(prefix + name, mode, amount);
      }
      amount.refuse_unknown();
    }
  }

 private:
  void read_wall(ObjectReader wall, const std::string& metric) {
    add_limit(metric, Mode::kWall, 0.5, wall.number("p50_ms"));
    double before = budget_.limits.back().limit;
    for (const auto& [key, p] : {std::pair("p95_ms", 0.95), std::pair("p99_ms", 0.99)}) {
      if (const auto limit = wall.optional_number(key)) {
        if (*limit < before) {
          wall.refuse(key, "is below the limit of a lower percentile, which it never can be");
        }
        before = *limit;
        add_limit(metric, Mode::kWall, p, *limit);
      }
    }
    add_allowance(metric, Mode::kWall, wall);
    wall.refuse_unknown();
  }

  void add_limit(const std::string& metric, Mode mode, double p, double limit) {
    budget_.limits.push_back({metric, mode, p, limit});
  }

  void add_allowance(const std::string& metric, Mode mode, ObjectReader& reader) {
    if (const auto percent = reader.optional_number("change_percent")) {
      budget_.allowances.push_back({metric, mode, *percent / kPercent});
    }
  }

  Budget& budget_;
};

}  // namespace

Budget parse_budget(const std::string& file, std::string_view text) {
  const Json json = parse_json(file, text);
  ObjectReader root(file, "", json);
  if (root.count("version") != 1) {
    root.refuse("version", "is not 1; this mayfly-gate reads budgets of version 1");
  }
  static_cast<void>(root.optional_text("about"));
  Budget budget;
  Parser parser(budget);
  parser.read_times(root, "spans", "span.");
  parser.read_times(root, "phases", "phase.");
  parser.read_amounts(root, "exits", "exits.", "limit");
  parser.read_amounts(root, "kvm", "kvm.", "limit");
  parser.read_amounts(root, "memory", "memory.", "mib");
  root.refuse_unknown();
  if (budget.limits.empty()) {
    root.refuse("spans", "and all else is empty: a budget that limits nothing would always pass");
  }
  return budget;
}

}  // namespace mayfly::gate
