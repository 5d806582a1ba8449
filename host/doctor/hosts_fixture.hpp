// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "doctor/advise.hpp"

namespace mayfly::doctor {

/// The file of a recorded host.
inline std::string recorded_text(const std::string& name) {
  std::ifstream file(std::string(MAYFLY_RECORDED_HOSTS) + "/" + name + ".json");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// A host of the folder hosts/.
inline Recording recorded(const std::string& name) { return parse_recording(name, recorded_text(name)); }

/// What is said of the mechanism "area.name", or a failed test.
inline Finding finding_of(const Recording& recording, std::string_view mechanism) {
  const std::vector<Finding> findings = advise(read_capabilities(recording));
  const auto found = std::find_if(findings.begin(), findings.end(), [&](const Finding& finding) {
    return std::string(finding.mechanism.area) + "." + std::string(finding.mechanism.name) == mechanism;
  });
  if (found == findings.end()) {
    ADD_FAILURE() << "nothing is said of " << mechanism;
    return {};
  }
  return *found;
}

/// What a finding is expected to say; parts of its texts.
struct Expected {
  std::string_view mechanism;
  Level level;
  std::string_view what;
  std::string_view mend;
};

inline void expect_advice(const Recording& recording, const std::vector<Expected>& table) {
  for (const auto& [mechanism, level, what, mend] : table) {
    const Finding finding = finding_of(recording, mechanism);
    EXPECT_EQ(finding.level, level) << mechanism << ": " << finding.what;
    EXPECT_NE(finding.what.find(what), std::string::npos) << mechanism << ": " << finding.what;
    EXPECT_NE(finding.mend.find(mend), std::string::npos) << mechanism << ": " << finding.mend;
    EXPECT_TRUE(!mend.empty() || finding.mend.empty()) << mechanism << ": " << finding.mend;
  }
}

inline bool run_works(const Recording& recording) { return can_run(advise(read_capabilities(recording))); }

}  // namespace mayfly::doctor
