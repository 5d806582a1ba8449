// SPDX-License-Identifier: Apache-2.0
#include "cli/exits_command.hpp"

#include <fstream>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/temporary_folder.hpp"

namespace mayfly::cli {
namespace {

std::string refusal(const ExitsOptions& options) {
  try {
    static_cast<void>(check_exits_options(options));
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(ExitsCommand, OptionsArrive) {
  const auto live = std::get<ExitsCommand>(check_exits_options({}));
  EXPECT_EQ(live.process, std::nullopt);
  EXPECT_EQ(live.scope, exits::Scope::kProcess);
  EXPECT_EQ(live.ns, std::nullopt);
  EXPECT_EQ(live.form, ExitsForm::kText);
  const auto report =
      std::get<ExitsCommand>(check_exits_options({.words = {"123"}, .seconds = "5", .json = true}));
  EXPECT_EQ(report.process, 123);
  EXPECT_EQ(report.ns, 5'000'000'000U);
  EXPECT_EQ(report.form, ExitsForm::kJson);
  EXPECT_EQ(std::get<ExitsCommand>(check_exits_options({.all = true})).scope, exits::Scope::kHost);
  const auto compare =
      std::get<ExitsCompareCommand>(check_exits_options({.words = {"a", "b"}, .compare = true}));
  EXPECT_EQ(compare.base, "a");
  EXPECT_EQ(compare.next, "b");
}

TEST(ExitsCommand, WrongOptionsAreRefused) {
  for (const char* process : {"0", "-1", "mayfly", "2147483648", "99999999999999999999"}) {
    EXPECT_EQ(refusal({.words = {process}}),
              std::string("mayfly exits takes the number of one process, not '") + process +
                  "'; see mayfly exits --help");
  }
  EXPECT_NE(refusal({.words = {"1", "2"}}), "");
  EXPECT_NE(refusal({.words = {"1"}, .all = true}), "");
  for (const char* seconds : {"0", "86401", "1.5", "x"}) {
    EXPECT_EQ(refusal({.seconds = seconds}),
              std::string("--seconds takes a number from 1 to 86400, not '") + seconds + "'");
  }
  for (const ExitsOptions& options : {ExitsOptions{.words = {"a"}, .compare = true},
                                      ExitsOptions{.words = {"a", "b", "c"}, .compare = true},
                                      ExitsOptions{.words = {"a", "b"}, .seconds = "1", .compare = true},
                                      ExitsOptions{.words = {"a", "b"}, .json = true, .compare = true}}) {
    EXPECT_EQ(refusal(options), "mayfly exits --compare takes two reports and nothing else: BASE NEW");
  }
}

TEST(ExitsCommand, TwoReportsAreComparedAndOthersRefused) {
  const mayfly::testing::TemporaryFolder folder;
  const std::string report = folder.path() / "a.json";
  std::ofstream(report)
      << R"({"mayfly_exits": 1, "duration_ns": 1000000000, "exits": 5, "lost": 0, "counts": {}})";
  EXPECT_TRUE(compare_exits({report, report}).starts_with("EXITS, A SECOND"));
  const std::string missing = folder.path() / "b.json";
  try {
    static_cast<void>(compare_exits({report, missing}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()), "cannot read report " + missing + ": No such file or directory");
  }
}

}  // namespace
}  // namespace mayfly::cli
