// SPDX-License-Identifier: Apache-2.0
#include "cli/exec_command.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "cli/command_line.hpp"

namespace mayfly::cli {
namespace {

vmm::ExecConfig parse(const std::vector<const char*>& words) {
  return std::get<vmm::ExecConfig>(parse_command_line(words));
}

std::string refusal(const std::vector<const char*>& words) {
  try {
    static_cast<void>(parse(words));
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

TEST(ExecCommand, IdAndCommandAreTaken) {
  const vmm::ExecConfig config = parse({"exec", "web-1", "--", "ls", "--help", "--"});
  EXPECT_EQ(config.id, "web-1");
  EXPECT_EQ(config.command, (std::vector<std::string>{"ls", "--help", "--"}));
  EXPECT_EQ(config.timeout_ns, 0U);
  EXPECT_FALSE(config.workdir.has_value());
  EXPECT_FALSE(config.user.has_value());
}

TEST(ExecCommand, OptionsMayStandBeforeAndBehindTheId) {
  const vmm::ExecConfig config = parse({"exec", "--env", "A=1", "--user", "u:g", "a", "--env=B=2",
                                        "--workdir", "/w", "--timeout", "3s", "--", "sh"});
  EXPECT_EQ(config.environment, (std::vector<std::string>{"A=1", "B=2"}));
  EXPECT_EQ(config.user, "u:g");
  EXPECT_EQ(config.workdir, "/w");
  EXPECT_EQ(config.timeout_ns, 3'000'000'000U);
}

TEST(ExecCommand, WhatIsMissingOrWrongIsNamed) {
  EXPECT_EQ(refusal({"exec", "--", "sh"}), "no VM given; name one by its id, which mayfly ps lists");
  EXPECT_EQ(refusal({"exec", "a"}), "no command given; write one after --, as in: mayfly exec a -- sh");
  EXPECT_EQ(refusal({"exec", "a", "--"}), "no command given; write one after --, as in: mayfly exec a -- sh");
  EXPECT_EQ(refusal({"exec", "a", "sh"}), "unknown argument 'sh'; put -- before the command");
  EXPECT_NE(refusal({"exec", "a", "-t", "--", "sh"}).find("mayfly exec --help"), std::string::npos);
  EXPECT_NE(refusal({"exec", "../a", "--", "sh"}).find("'../a'"), std::string::npos);
  EXPECT_NE(refusal({"exec", "--env", "A", "a", "--", "sh"}).find("--env 'A'"), std::string::npos);
  EXPECT_NE(refusal({"exec", "--workdir", "w", "a", "--", "sh"}).find("--workdir 'w'"), std::string::npos);
  EXPECT_NE(refusal({"exec", "--timeout", "0s", "a", "--", "sh"}).find("--timeout '0s'"), std::string::npos);
}

}  // namespace
}  // namespace mayfly::cli
