// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/svg.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>

#include "ci/gate/findings.hpp"
#include "ci/gate/statistics.hpp"

namespace mayfly::gate {
namespace {

constexpr double kWidth = 960;
constexpr double kLeft = 150;    // of the plot; labels are left of it
constexpr double kRight = 850;   // figures are right of it
constexpr double kTickSize = 5;  // ticks wanted

std::string number(double value) {
  std::array<char, 32> text{};
  static_cast<void>(std::snprintf(text.data(), text.size(), "%.2f", value));
  return text.data();
}

// name="value" name="value"
using Attributes = std::vector<std::pair<const char*, double>>;
std::string attributes(const Attributes& pairs) {
  std::string text;
  for (const auto& [name, value] : pairs) {
    text += std::string(" ") + name + "=\"" + number(value) + "\"";
  }
  return text;
}

std::string element(const char* name, const char* style, const Attributes& pairs,
                    const std::string& inner = "") {
  const std::string head = std::string("<") + name + " class=\"" + style + "\"" + attributes(pairs);
  return inner.empty() ? head + "/>" : head + ">" + inner + "</" + name + ">";
}

std::string hint(const std::string& text) { return "<title>" + escape(text) + "</title>"; }

std::string label(const char* style, double x, double y, const std::string& text) {
  return element("text", style, {{"x", x}, {"y", y}}, escape(text));
}

std::string drawing(const std::string& title, double height, const std::string& inner) {
  return "<svg role=\"img\" aria-label=\"" + escape(title) + "\" viewBox=\"0 0 " + number(kWidth) + " " +
         number(height) + "\">" + hint(title) + inner + "</svg>\n";
}

// A step of 1, 2 or 5 times a power of ten.
double tick_step(double range) {
  const double rough = range / kTickSize;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (rough <= factor * power) {
      return factor * power;
    }
  }
  return 10 * power;
}

// Maps values to a stretch of pixels, with some room on both sides.
class Scale {
 public:
  Scale(double low, double high, double from, double to) : low_(low), high_(high), from_(from), to_(to) {
    if (!(high_ > low_)) {
      const double room = std::max(std::abs(low_) * 0.01, 1e-3);
      low_ -= room;
      high_ += room;
    }
  }
  [[nodiscard]] double operator()(double value) const {
    return from_ + (value - low_) / (high_ - low_) * (to_ - from_);
  }
  [[nodiscard]] std::vector<double> ticks() const {
    const double step = tick_step(high_ - low_);
    std::vector<double> result;
    const double first = std::ceil(low_ / step);
    for (int i = 0; (first + i) * step <= high_; ++i) {
      result.push_back((first + i) * step);
    }
    return result;
  }

 private:
  double low_;
  double high_;
  double from_;
  double to_;
};

Scale around(const std::vector<double>& values, double from, double to) {
  const auto [low, high] = std::ranges::minmax(values);
  const double room = (high - low) * 0.06;
  return {low - room, high + room, from, to};
}

// Those of the limits that do not press the figures into a corner.
std::vector<double> near(const std::vector<double>& limits, const std::vector<double>& values) {
  const auto [low, high] = std::ranges::minmax(values);
  const double reach = std::max(4 * (high - low), 0.02 * std::abs(high));
  std::vector<double> result;
  for (const double limit : limits) {
    if (limit >= low - reach && limit <= high + reach) {
      result.push_back(limit);
    }
  }
  return result;
}

// Upright lines with their figures below.
std::string x_axis(const Scale& scale, double top, double bottom, const std::string& unit) {
  std::string text;
  for (const double tick : scale.ticks()) {
    const double x = scale(tick);
    text += element("line", "grid", {{"x1", x}, {"x2", x}, {"y1", top}, {"y2", bottom}});
    text += label("tick", x, bottom + 16, amount(tick, ""));
  }
  return text + label("unit", kRight + 8, bottom + 16, unit);
}

std::string bar(const Bar& bar, const Scale& scale, const char* style, double y, double height,
                const std::string& unit) {
  const double x = scale(bar.begin);
  return element(
      "rect", style,
      {{"x", x}, {"y", y}, {"width", std::max(scale(bar.end) - x, 1.5)}, {"height", height}, {"rx", 2}},
      hint(bar.name + ": " + amount(bar.end - bar.begin, unit) + ", from " + amount(bar.begin, unit)));
}

// Dots in a row, with a box from quartile to quartile and a stroke at the median.
std::string row(const std::vector<double>& values, const Scale& scale, const char* style, double y,
                const std::string& unit) {
  std::string text = "<g class=\"" + std::string(style) + "\">";
  const double low = scale(quantile(values, 0.25));
  const double high = scale(quantile(values, 0.75));
  const double middle = scale(median(values));
  text += element("rect", "box",
                  {{"x", low}, {"y", y - 13}, {"width", std::max(high - low, 1.0)}, {"height", 26}});
  for (std::size_t i = 0; i < values.size(); ++i) {
    // Spread, so that equal figures do not hide each other; the same for each drawing of the same figures.
    const double offset = static_cast<double>(i * 7 % 19) - 9;
    text += element("circle", "dot", {{"cx", scale(values[i])}, {"cy", y + offset}, {"r", 3}},
                    hint("boot " + std::to_string(i + 1) + ": " + amount(values[i], unit)));
  }
  text += element("line", "median", {{"x1", middle}, {"x2", middle}, {"y1", y - 16}, {"y2", y + 16}});
  return text + "</g>" + label("figure", kRight + 8, y + 4, amount(median(values), unit));
}

std::string path(const std::vector<std::pair<double, double>>& points) {
  std::string text;
  for (const auto& [x, y] : points) {
    text += (text.empty() ? "M" : "L") + number(x) + " " + number(y);
  }
  return text;
}

}  // namespace

std::string escape(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        // XML knows no other control characters.
        result += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' ? '?' : c;
    }
  }
  return result;
}

std::vector<Bar> bars_of(const std::vector<Sample>& samples) {
  std::map<std::string, std::pair<std::vector<double>, std::vector<double>>> ends;
  for (const Sample& sample : samples) {
    std::map<std::string, int> seen;
    for (const Phase& phase : sample.phases) {
      if (++seen[phase.name] == 1) {
        ends[phase.name].first.push_back(static_cast<double>(phase.begin_ns) / 1e6);
        ends[phase.name].second.push_back(static_cast<double>(phase.end_ns) / 1e6);
      }
    }
  }
  std::vector<Bar> bars;
  bars.reserve(ends.size());
  for (const auto& [name, values] : ends) {
    bars.push_back({name, median(values.first), median(values.second)});
  }
  std::ranges::stable_sort(bars, {}, &Bar::begin);
  return bars;
}

std::string waterfall_svg(const std::vector<Bar>& now, const std::vector<Bar>& base,
                          const std::string& unit) {
  constexpr double kRow = 26;
  double last = 0;
  for (const auto* bars : {&now, &base}) {
    for (const Bar& bar : *bars) {
      last = std::max(last, bar.end);
    }
  }
  const Scale scale(0, last, kLeft, kRight);
  const double bottom = 8 + kRow * static_cast<double>(now.size());
  std::string inner = x_axis(scale, 4, bottom, unit);
  double y = 8;
  for (const Bar& phase : now) {
    inner += label("name", kLeft - 10, y + 14, phase.name);
    inner += bar(phase, scale, "now", y + 2, base.empty() ? 18 : 12, unit);
    const auto before = std::ranges::find(base, phase.name, &Bar::name);
    if (before != base.end()) {
      inner += bar(*before, scale, "base", y + 15, 6, unit);
    }
    inner += label("figure", kRight + 8, y + 14, amount(phase.end - phase.begin, unit));
    y += kRow;
  }
  return drawing("Waterfall: when each phase of the median boot began and ended", bottom + 26, inner);
}

std::string distribution_svg(const std::string& title, const std::vector<double>& now,
                             const std::vector<double>& base, const std::vector<double>& limits,
                             const std::string& unit) {
  std::vector<double> all = now;
  all.insert(all.end(), base.begin(), base.end());
  const std::vector<double> shown = near(limits, all);
  all.insert(all.end(), shown.begin(), shown.end());
  const Scale scale = around(all, kLeft, kRight);
  const double bottom = base.empty() ? 48 : 96;
  std::string inner = x_axis(scale, 6, bottom, unit);
  double y = 27;
  if (!base.empty()) {
    inner += label("name", kLeft - 10, y + 4, "base") + row(base, scale, "base", y, unit);
    y += 46;
  }
  inner += label("name", kLeft - 10, y + 4, "now") + row(now, scale, "now", y, unit);
  for (const double limit : shown) {
    const double x = scale(limit);
    inner += element("line", "limit", {{"x1", x}, {"x2", x}, {"y1", 4}, {"y2", bottom}},
                     hint("limit " + amount(limit, unit)));
  }
  return drawing("Distribution of " + title, bottom + 26, inner);
}

std::string history_svg(const std::string& title, const std::vector<Point>& points,
                        const std::optional<double>& limit, const std::string& unit) {
  constexpr double kTop = 10;
  constexpr double kBottom = 170;
  std::vector<double> all;
  for (const Point& point : points) {
    all.insert(all.end(), {point.low, point.high});
  }
  if (limit) {
    all.push_back(*limit);
  }
  const Scale y = around(all, kBottom, kTop);
  const double step = points.size() > 1 ? (kRight - kLeft) / static_cast<double>(points.size() - 1) : 0;
  std::string inner;
  for (const double tick : y.ticks()) {
    inner += element("line", "grid", {{"x1", kLeft}, {"x2", kRight}, {"y1", y(tick)}, {"y2", y(tick)}});
    inner += label("name", kLeft - 10, y(tick) + 4, amount(tick, unit));
  }
  std::vector<std::pair<double, double>> line;
  std::vector<std::pair<double, double>> band;
  std::string dots;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const double x = kLeft + step * static_cast<double>(i);
    const Point& point = points[i];
    line.emplace_back(x, y(point.median));
    band.emplace_back(x, y(point.high));
    dots += element("circle", "dot", {{"cx", x}, {"cy", y(point.median)}, {"r", 4}},
                    hint(point.label + ": " + amount(point.median, unit)));
  }
  for (std::size_t i = points.size(); i-- > 0;) {
    band.emplace_back(kLeft + step * static_cast<double>(i), y(points[i].low));
  }
  inner += "<path class=\"band\" d=\"" + path(band) + "Z\"/><path class=\"line\" d=\"" + path(line) + "\"/>";
  if (limit) {
    inner += element("line", "limit", {{"x1", kLeft}, {"x2", kRight}, {"y1", y(*limit)}, {"y2", y(*limit)}},
                     hint("limit " + amount(*limit, unit)));
  }
  inner += "<g class=\"now\">" + dots + "</g>";
  inner += label("first", kLeft, kBottom + 20, points.front().label);
  inner += label("last", kRight, kBottom + 20, points.back().label);
  return drawing("History of " + title, kBottom + 30, inner);
}

}  // namespace mayfly::gate
