// SPDX-License-Identifier: Apache-2.0
#include "cli/config_file.hpp"

#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/temporary_folder.hpp"
#include "cli/command_line.hpp"

namespace mayfly::cli {
namespace {

/// `mayfly run --config FILE` with more words, of a file that holds a text.
class ConfigFile : public ::testing::Test {
 protected:
  RunOptions options(std::string_view text, std::vector<const char*> more = {}) {
    std::ofstream(path_) << text;
    std::vector<const char*> words{"run", "--config", path_.c_str()};
    words.insert(words.end(), more.begin(), more.end());
    return std::get<RunOptions>(parse_command_line(words));
  }
  std::string refusal(std::string_view text, std::vector<const char*> more = {}) {
    try {
      (void)options(text, std::move(more));
    } catch (const Error& error) {
      std::string sentence = error.what();
      const std::size_t at = sentence.find(path_);
      return at == std::string::npos ? sentence : sentence.replace(at, path_.size(), "FILE");
    }
    return "";
  }

  mayfly::testing::TemporaryFolder folder_;
  std::string path_ = folder_.path() / "vm.json";
};

using Words = std::vector<std::string>;

TEST_F(ConfigFile, SaysWhatOptionsSay) {
  const RunOptions run = options(R"({
      "image": "app.img", "memory": 1073741824, "cpus": 2, "pages": "2m", "dedicated": true, "verify": true,
      "until-ready": false, "env": {"A": "1 =2", "B": ""}, "net": ["tap=t0,ip=10.0.0.2/24", "tap=t1"],
      "disk": "data.img,mount=/data", "cmdline-append": "--x y", "command": ["sh", "-c", "echo", "", "--"]})");
  EXPECT_EQ(run.image, "app.img");
  EXPECT_EQ(run.memory, "1073741824");
  EXPECT_EQ(run.cpus, "2");
  EXPECT_EQ(run.pages, "2m");
  EXPECT_TRUE(run.dedicated);
  EXPECT_TRUE(run.verify);
  EXPECT_FALSE(run.until_ready);
  EXPECT_EQ(run.environment, (Words{"A=1 =2", "B="}));
  EXPECT_EQ(run.networks, (Words{"tap=t0,ip=10.0.0.2/24", "tap=t1"}));
  EXPECT_EQ(run.disks, Words{"data.img,mount=/data"});
  EXPECT_EQ(run.cmdline_append, "--x y");
  EXPECT_EQ(run.command, (Words{"sh", "-c", "echo", "", "--"}));
  EXPECT_EQ(options("{}").image, "");
}

TEST_F(ConfigFile, HasEveryOptionOfRun) {
  const std::vector<const char*> words{"run", "--help"};
  const std::string help = std::get<PrintCommand>(parse_command_line(words)).text;
  std::size_t count = 0;
  for (std::size_t at = help.find("\n  --"); at != std::string::npos; at = help.find("\n  --", at + 1)) {
    const std::size_t name = at + 5;
    const std::string key = help.substr(name, help.find_first_of(" ,\n", name) - name);
    if (key == "version" || key == "config") {
      continue;
    }
    const std::string refused = refusal(R"({")" + key + R"(": null})");
    EXPECT_TRUE(refused.find("write t") != std::string::npos) << refused;
    ++count;
  }
  EXPECT_GT(count, 25U);
}

TEST_F(ConfigFile, TheCommandLineGoesOverIt) {
  const RunOptions run =
      options(R"({"image": "a.img", "memory": "1G", "env": ["A=1", "B=2"], "net": ["tap=t0"],
                                     "dedicated": true, "command": ["true"]})",
              {"--memory", "2G", "--env", "C=3", "--", "false", "x"});
  EXPECT_EQ(run.image, "a.img");
  EXPECT_EQ(run.memory, "2G");
  EXPECT_EQ(run.environment, Words{"C=3"});
  EXPECT_EQ(run.networks, Words{"tap=t0"});
  EXPECT_TRUE(run.dedicated);
  EXPECT_EQ(run.command, (Words{"false", "x"}));
}

TEST_F(ConfigFile, WhatIsNoConfigurationIsRefusedByName) {
  for (const auto& [text, sentence] : std::vector<std::pair<std::string, std::string>>{
           {"", "FILE: not JSON: byte 1 is not what can follow"},
           {R"({"image": "a.img")", "FILE: not JSON: byte 18 is not what can follow"},
           {"{\"image\": \"\xff\"}", "FILE: not JSON: byte 12 is not what can follow"},
           {R"({"cpus": 1e999})", "FILE: not JSON: a number in it is too large"},
           {"[]", R"(FILE: not a JSON object, such as {"image": "app.img", "cpus": 2})"},
           {R"({"imgae": "a.img"})", "FILE: 'imgae': is no option; see mayfly run --help"},
           {R"({"config": "b.json"})", "FILE: 'config': is no option; see mayfly run --help"},
           {R"({"help": true})", "FILE: 'help': is no option; see mayfly run --help"},
           {R"({"-h": true})", "FILE: '-h': is no option; see mayfly run --help"},
           {R"({"image": "a", "image": "b"})", "FILE: 'image' is there twice"},
           {R"({"cpus": -1})", "FILE: 'cpus': write text, or a whole number from 0"},
           {R"({"cpus": 1.5})", "FILE: 'cpus': write text, or a whole number from 0"},
           {R"({"cpus": true})", "FILE: 'cpus': write text, or a whole number from 0"},
           {R"({"cpus": [1]})", "FILE: 'cpus': takes one value, not an array"},
           {R"({"net": [["tap=t0"]]})", "FILE: 'net': write text, or a whole number from 0"},
           {R"({"net": {"tap": "t0"}})", "FILE: 'net': write text, or a whole number from 0"},
           {R"({"dedicated": 1})", "FILE: 'dedicated': write true or false"},
           {R"({"image": "a\u0000b"})", "FILE: 'image': has a character NUL in it"},
           {R"({"env": {"A=B": "c"}})", "FILE: 'env': 'A=B' is no name of a variable"},
           {R"({"env": {"": "c"}})", "FILE: 'env': '' is no name of a variable"},
           {R"({"command": "sh"})", "FILE: 'command': write an array with the command and its arguments"},
           {R"({"command": []})", "FILE: 'command': write an array with the command and its arguments"},
           {R"({"image": ""})", "FILE: 'image': is empty"},
           {R"({"net": [""]})", "FILE: 'net': is empty"}}) {
    EXPECT_EQ(refusal(text), sentence) << text;
  }
}

TEST_F(ConfigFile, AFileThatIsNoneIsRefused) {
  const std::string large = R"({"image": ")" + std::string(kConfigBytesMax, 'x') + R"("})";
  EXPECT_EQ(refusal(large), "'FILE' has over 1 MiB; a configuration is smaller");
  const std::vector<const char*> words{"run", "--config", "/nonexistent/file"};
  try {
    (void)parse_command_line(words);
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "cannot read '/nonexistent/file': No such file or directory");
  }
}

}  // namespace
}  // namespace mayfly::cli
