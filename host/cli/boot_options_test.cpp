// SPDX-License-Identifier: Apache-2.0
#include "cli/boot_options.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "cli/command_line.hpp"

namespace mayfly::cli {
namespace {

BootConfig boot(const std::vector<const char*>& words) {
  return check_boot_options(std::get<BootOptions>(parse_command_line(words)));
}

std::string refusal(const std::vector<const char*>& words) {
  try {
    static_cast<void>(boot(words));
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

TEST(BootOptions, DefaultsAreTenBootsUntilReadyOfHalfAMinuteAtMost) {
  const BootConfig config = boot({"boot", "--image", "i"});
  EXPECT_EQ(config.repeat, 10U);
  EXPECT_EQ(config.timeout_ns, 30'000'000'000U);
  EXPECT_TRUE(config.limits.empty());
  EXPECT_EQ(config.run, (std::vector<std::string>{"run", "--image=i", "--timeout=30s", "--until-ready"}));
}

TEST(BootOptions, LimitsAreByPercent) {
  const BootConfig config =
      boot({"boot", "--image", "i", "--repeat", "100", "--p99", "50ms", "--p50", "1s", "--json", "f"});
  EXPECT_EQ(config.repeat, 100U);
  ASSERT_EQ(config.limits.size(), 2U);
  EXPECT_EQ(config.limits[0].percent, 50U);
  EXPECT_EQ(config.limits[0].ns, 1'000'000'000U);
  EXPECT_EQ(config.limits[1].percent, 99U);
  EXPECT_EQ(config.limits[1].ns, 50'000'000U);
  EXPECT_EQ(config.json, "f");
}

// Not for a pool, as below.
TEST(BootOptions, FallbackOfPagesArrivesAtRun) {
  const BootConfig config = boot({"boot", "--image", "i", "--pages", "2m", "--pages-fallback", "queue"});
  EXPECT_NE(std::ranges::find(config.run, "--pages-fallback=queue"), config.run.end());
}

// What boot passes on is understood by run as it was meant.
TEST(BootOptions, MachineOptionsArriveAtRun) {
  const BootConfig config = boot({"boot", "--image",  "i",    "--kernel",  "k",       "--memory",
                                  "1G",   "--cpus",   "2",    "--pages",   "2m",      "--prefault",
                                  "none", "--pool",   "s",    "--sandbox", "log",     "--balloon",
                                  "4M",   "--env",    "A=-1", "--env",     "B=",      "--workdir",
                                  "/w",   "--user",   "u:g",  "--timeout", "3s",      "--cmdline-append",
                                  "-x y", "--verify", "--",   "cmd",       "--repeat"});
  std::vector<const char*> words;
  for (const std::string& word : config.run) {
    words.push_back(word.c_str());
  }
  const RunOptions run = std::get<RunOptions>(parse_command_line(words));
  EXPECT_EQ(run.image, "i");
  EXPECT_EQ(run.kernel, "k");
  EXPECT_EQ(run.memory, "1G");
  EXPECT_EQ(run.cpus, "2");
  EXPECT_EQ(run.pages, "2m");
  EXPECT_EQ(run.prefault, "none");
  EXPECT_EQ(run.pool, "s");
  EXPECT_EQ(run.sandbox, "log");
  EXPECT_EQ(run.balloon, "4M");
  EXPECT_EQ(run.environment, (std::vector<std::string>{"A=-1", "B="}));
  EXPECT_EQ(run.workdir, "/w");
  EXPECT_EQ(run.user, "u:g");
  EXPECT_EQ(run.timeout, "3s");
  EXPECT_EQ(run.cmdline_append, "-x y");
  EXPECT_TRUE(run.verify);
  EXPECT_FALSE(run.until_ready) << "there is a command";
  EXPECT_EQ(config.command, (std::vector<std::string>{"cmd", "--repeat"}));
}

TEST(BootOptions, WhatCannotBeIsRefusedByName) {
  for (const char* count : {"0", "-1", "x", "100001"}) {
    EXPECT_NE(refusal({"boot", "--image", "i", "--repeat", count}).find("--repeat"), std::string::npos)
        << count;
  }
  for (const char* limit : {"0ms", "50", "-5ms", "x"}) {
    EXPECT_NE(refusal({"boot", "--image", "i", "--p99", limit}).find("--p99"), std::string::npos) << limit;
  }
  EXPECT_NE(refusal({"boot", "--image", "i", "--memory", "1"}).find("--memory"), std::string::npos);
  EXPECT_NE(refusal({"boot"}).find("--image"), std::string::npos);
  EXPECT_NE(refusal({"boot", "--image", "i", "--timeline", "t"}).find("--timeline"), std::string::npos);
}

}  // namespace
}  // namespace mayfly::cli
