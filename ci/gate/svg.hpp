// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ci/gate/history.hpp"
#include "ci/gate/sample.hpp"

namespace mayfly::gate {

/// Text for HTML and SVG, in elements and in attributes with double quotes.
[[nodiscard]] std::string escape(std::string_view text);

/// Where one phase lies in the median boot, in milliseconds or Minsn since exec.
struct Bar {
  std::string name;
  double begin = 0;
  double end = 0;
};

/// The phases of the median boot, in order of their begin. A phase that a boot has twice counts by its first.
[[nodiscard]] std::vector<Bar> bars_of(const std::vector<Sample>& samples);

/// A bar for each phase of `now` and, thin below it, of `base` where that has the phase. All drawings are
/// inline SVG without scripts, coloured by the page's style sheet (html_report.cpp), with a title for those
/// who cannot see them.
[[nodiscard]] std::string waterfall_svg(const std::vector<Bar>& now, const std::vector<Bar>& base,
                                        const std::string& unit);

/// A metric's figures as dots with their quartiles, of `now` and, unless empty, `base`; those `limits` that
/// are not far off as upright lines.
[[nodiscard]] std::string distribution_svg(const std::string& title, const std::vector<double>& now,
                                           const std::vector<double>& base, const std::vector<double>& limits,
                                           const std::string& unit);

/// One point of a history.
struct Point {
  std::string label;
  double low = 0;
  double median = 0;
  double high = 0;
};

/// The medians as a line within the band of all figures, oldest left.
[[nodiscard]] std::string history_svg(const std::string& title, const std::vector<Point>& points,
                                      const std::optional<double>& limit, const std::string& unit);

}  // namespace mayfly::gate
