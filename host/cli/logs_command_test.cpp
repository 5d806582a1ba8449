// SPDX-License-Identifier: Apache-2.0
#include "cli/logs_command.hpp"

#include <regex>

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/temporary_folder.hpp"
#include "control/run_log.hpp"
#include "control/socket_folder.hpp"

namespace mayfly::cli {
namespace {

class LogsCommandTest : public ::testing::Test {
 protected:
  LogsCommandTest() {
    ::setenv("XDG_RUNTIME_DIR", root_.path().c_str(), 1);
    const control::SocketFolder folder(control::socket_folder(), control::SocketFolder::IfMissing::kMake);
    log_.emplace(folder.make_log("a"));
  }
  ~LogsCommandTest() override { ::unsetenv("XDG_RUNTIME_DIR"); }

  /// What is printed, on stdout and on stderr.
  static std::pair<std::string, std::string> printed(const LogsCommand& command) {
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    print_log(command);
    std::string err = ::testing::internal::GetCapturedStderr();
    return {::testing::internal::GetCapturedStdout(), std::move(err)};
  }

  mayfly::testing::TemporaryFolder root_;
  std::optional<control::RunLog> log_;
};

using control::LogStream;

TEST_F(LogsCommandTest, EachStreamGoesToItsOwn) {
  log_->append_all(LogStream::kStdout, "one\ntw");
  log_->append_all(LogStream::kStderr, "wrong\n");
  log_->append_all(LogStream::kStdout, "o\n");
  EXPECT_EQ(printed({"a"}), std::pair(std::string("one\ntwo\n"), std::string("wrong\n")));
}

TEST_F(LogsCommandTest, TimeStandsBeforeEachLine) {
  log_->append_all(LogStream::kStdout, "one\ntw");
  log_->append_all(LogStream::kStderr, "wrong\n");
  log_->append_all(LogStream::kStdout, "o\n\nthree");
  const std::string time = R"(20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z )";
  const auto [out, err] = printed({"a", false, true});
  EXPECT_TRUE(
      std::regex_match(out, std::regex(time + "one\n" + time + "two\n" + time + "\n" + time + "three")))
      << out;
  EXPECT_TRUE(std::regex_match(err, std::regex(time + "wrong\n"))) << err;
}

TEST_F(LogsCommandTest, MayflysOwnWordsHaveATimeAmidALineOfTheWorkload) {
  log_->append_all(LogStream::kStderr, "begun");
  log_->append_all(LogStream::kMayfly, "mayfly: a\n");
  const std::string time = R"(20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z )";
  const std::string err = printed({"a", false, true}).second;
  EXPECT_TRUE(std::regex_match(err, std::regex(time + "begun" + time + "mayfly: a\n"))) << err;
}

TEST_F(LogsCommandTest, FollowEndsWithTheRun) {
  log_->append_all(LogStream::kStdout, "last");
  log_.reset();
  EXPECT_EQ(printed({"a", true}).first, "last");
}

TEST_F(LogsCommandTest, OfOneVmOnly) {
  for (const auto& [words, sentence] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{}, "no VM given; name one by its id, which mayfly run --detach printed"},
           {{"a", "b"}, "unknown argument 'b'"},
           {{"a/b"}, "'a/b' is no id of a VM"}}) {
    try {
      (void)check_logs_options(words, false, false);
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).substr(0, sentence.size()), sentence);
    }
  }
  EXPECT_TRUE(check_logs_options({"a"}, true, false).follow);
}

}  // namespace
}  // namespace mayfly::cli
