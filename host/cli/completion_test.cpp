// SPDX-License-Identifier: Apache-2.0
#include "cli/completion.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/command_line.hpp"

namespace mayfly::cli {
namespace {

class Completion : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "mayfly-completion-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
    std::ofstream(directory_ / "script") << bash_completion();
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  // What bash offers for the last of `words`.
  std::vector<std::string> complete(const std::vector<std::string>& words) {
    std::string command = "cd '" + directory_.string() + "'; source ./script; COMP_WORDS=(";
    for (const std::string& word : words) {
      command += " '" + word + "'";
    }
    command +=
        "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); $(complete -p mayfly | sed 's/.*-F \\([^ ]*\\) .*/\\1/')";
    command += R"(; ((${#COMPREPLY[@]} == 0)) || printf '%s\n' "${COMPREPLY[@]}" >offered)";
    std::ofstream(directory_ / "try") << "set -eu\n" << command << '\n';
    run_bash((directory_ / "try").string());
    std::vector<std::string> offered;
    std::ifstream lines(directory_ / "offered");
    for (std::string line; std::getline(lines, line);) {
      offered.push_back(line);
    }
    std::filesystem::remove(directory_ / "offered");
    return offered;
  }

  static void run_bash(std::string script) {
    std::string program = "bash";
    char* const arguments[] = {program.data(), script.data(), nullptr};
    pid_t child = -1;
    ASSERT_EQ(::posix_spawnp(&child, "bash", nullptr, nullptr, arguments, environ), 0);
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }

  std::filesystem::path directory_;
};

using Words = std::vector<std::string>;

TEST_F(Completion, CommandsComeFirst) {
  EXPECT_EQ(complete({"mayfly", "r"}), (Words{"run", "resume"}));
  EXPECT_EQ(complete({"mayfly", ""}),
            (Words{"run",    "boot",  "exec",     "ps",         "status",  "balloon",  "stop",   "kill",
                   "wait",   "pause", "resume",   "logs",       "metrics", "gc",       "device", "pool",
                   "doctor", "exits", "timeline", "completion", "--help",  "--version"}));
}

TEST_F(Completion, OptionsOfRunAreOffered) {
  EXPECT_EQ(complete({"mayfly", "run", "--pa"}), (Words{"--pages", "--pages-fallback"}));
  EXPECT_EQ(complete({"mayfly", "run", "--t"}), (Words{"--timeout", "--timeline"}));
}

TEST_F(Completion, EveryOptionIsKnown) {
  for (const char* command : {"run", "boot", "exec"}) {
    const std::vector<const char*> words{command, "--help"};
    std::istringstream help(std::get<PrintCommand>(parse_command_line(words)).text);
    const Words offered = complete({"mayfly", command, "--"});
    std::size_t options = 0;
    for (std::string line; std::getline(help, line);) {
      if (const std::size_t at = line.find("--"); line.starts_with("  -") && at != std::string::npos) {
        const std::string option = line.substr(at, line.find(' ', at) - at);
        EXPECT_NE(std::find(offered.begin(), offered.end(), option), offered.end()) << command << option;
        ++options;
      }
    }
    EXPECT_EQ(options + 1, offered.size()) << command;  // and "--" itself
  }
}

TEST_F(Completion, ValuesAreOffered) {
  EXPECT_EQ(complete({"mayfly", "run", "--pages", "t"}), Words{"thp"});
  EXPECT_EQ(complete({"mayfly", "run", "--pages", "=", "2"}), Words{"2m"});
  EXPECT_EQ(complete({"mayfly", "run", "--pages", "="}), (Words{"auto", "4k", "thp", "2m", "1g"}));
  EXPECT_EQ(complete({"mayfly", "run", "--image", "scr"}), Words{"script"});
  EXPECT_EQ(complete({"mayfly", "boot", "--image", "scr"}), Words{"script"});
  EXPECT_EQ(complete({"mayfly", "run", "--disk", "scr"}), Words{"script"});
  EXPECT_EQ(complete({"mayfly", "boot", "--pages", "2"}), Words{"2m"});
  EXPECT_EQ(complete({"mayfly", "run", "--pages-fallback", "q"}), Words{"queue"});
  EXPECT_EQ(complete({"mayfly", "boot", "--pages-fallback", "s"}), Words{"small"});
  EXPECT_EQ(complete({"mayfly", "run", "--prefault", "a"}), Words{"all"});
  EXPECT_EQ(complete({"mayfly", "boot", "--prefault", "b"}), Words{"boot"});
  EXPECT_EQ(complete({"mayfly", "completion", "b"}), Words{"bash"});
}

TEST_F(Completion, IdsOfVmsAreOffered) {
  std::filesystem::create_directories(directory_ / "mayfly");
  for (const char* file : {"web-1.sock", "web-2.sock", "other"}) {
    std::ofstream(directory_ / "mayfly" / file) << "";
  }
  ::setenv("XDG_RUNTIME_DIR", directory_.c_str(), 1);
  for (const char* command :
       {"status", "balloon", "stop", "kill", "wait", "pause", "resume", "logs", "metrics"}) {
    EXPECT_EQ(complete({"mayfly", command, ""}), (Words{"web-1", "web-2"})) << command;
  }
  ::unsetenv("XDG_RUNTIME_DIR");
  EXPECT_EQ(complete({"mayfly", "balloon", "web-1", "2"}), Words{"256M"});
  EXPECT_EQ(complete({"mayfly", "status", "--"}), (Words{"--json", "--watch", "--help", "--version"}));
  EXPECT_EQ(complete({"mayfly", "stop", "web-1", "--"}), (Words{"--timeout", "--help", "--version"}));
  EXPECT_EQ(complete({"mayfly", "ps", "--j"}), Words{"--json"});
}

TEST_F(Completion, OptionsOfServeAreOffered) {
  EXPECT_EQ(complete({"mayfly", "device", "s"}), Words{"serve"});
  EXPECT_EQ(complete({"mayfly", "device", "serve", "--"}),
            (Words{"--socket", "--iommu", "--log-format", "--help", "--version"}));
  EXPECT_EQ(complete({"mayfly", "device", "serve", "--log-format", "j"}), Words{"json"});
  EXPECT_EQ(complete({"mayfly", "device", "serve", "--iommu", "i"}), Words{"iommufd"});
  EXPECT_EQ(complete({"mayfly", "device", "serve", "--socket", "scr"}), Words{"script"});
}

TEST_F(Completion, OptionsOfThePoolAreOffered) {
  EXPECT_EQ(complete({"mayfly", "pool", "--"}),
            (Words{"--socket", "--status", "--log-format", "--help", "--version"}));
  EXPECT_EQ(complete({"mayfly", "pool", "--status", "scr"}), Words{"script"});
  EXPECT_EQ(complete({"mayfly", "run", "--pool", "scr"}), Words{"script"});
  EXPECT_EQ(complete({"mayfly", "run", "--sandbox", "o"}), (Words{"on", "off"}));
}

TEST_F(Completion, OptionsOfDoctorAreOffered) {
  EXPECT_EQ(complete({"mayfly", "doctor", "--"}),
            (Words{"--json", "--record", "--host", "--help", "--version"}));
  EXPECT_EQ(complete({"mayfly", "doctor", "--host", "scr"}), Words{"script"});
}

TEST_F(Completion, OptionsOfExitsAreOffered) {
  EXPECT_EQ(complete({"mayfly", "exits", "--"}),
            (Words{"--all", "--seconds", "--json", "--compare", "--help", "--version"}));
  EXPECT_EQ(complete({"mayfly", "exits", "--compare", "scr"}), Words{"script"});
}

TEST_F(Completion, WorkloadsWordsAreLeftAlone) {
  EXPECT_EQ(complete({"mayfly", "run", "--", "--p"}), Words{});
}

}  // namespace
}  // namespace mayfly::cli
