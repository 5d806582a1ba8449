// SPDX-License-Identifier: Apache-2.0
#include "cli/boot.hpp"

#include <filesystem>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.hpp"
#include "cli/boot_child.hpp"

namespace mayfly::cli {
namespace {

// Boots a script in mayfly's place.
class BootMany : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "mayfly-boot-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  // The script has $timeline and $console, the files that it was given.
  std::string script(const std::string& body) {
    const std::string path = directory_ / "mayfly";
    std::ofstream(path) << "#!/bin/bash\n"
                           "for word in \"$@\"; do case $word in\n"
                           "  --timeline=*) timeline=${word#*=} ;; --console=*) console=${word#*=} ;;\n"
                           "esac; done\n"
                        << body << '\n';
    ::chmod(path.c_str(), 0755);
    return path;
  }

  int boot(const BootConfig& config, const std::string& body) {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int status = boot_many(config, script(body));
    out_ = testing::internal::GetCapturedStdout();
    err_ = testing::internal::GetCapturedStderr();
    return status;
  }

  static constexpr const char* kReady =
      R"(echo '{"version": 1, "outcome": "ready", "exec_ns": '$MAYFLY_EXEC_NS', "spans": {"exec_to_ready_ns": 40000000},
         "phases": [{"name": "guest_kernel", "track": "guest", "begin_ns": 1, "end_ns": 30000000}]}' >$timeline)";

  std::filesystem::path directory_;
  BootConfig config_{.repeat = 3, .run = {"run", "--image=i"}};
  std::string out_;
  std::string err_;
};

TEST_F(BootMany, BootsAsOftenAsAskedAndSummarizes) {
  const std::string log = directory_ / "log";
  EXPECT_EQ(boot(config_, std::string(kReady) + "; echo \"$1 $2\" >>" + log), 0) << err_;
  std::ifstream lines(log);
  const std::string text{std::istreambuf_iterator<char>(lines), {}};
  EXPECT_EQ(text, "run --image=i\nrun --image=i\nrun --image=i\n");
  EXPECT_NE(out_.find("3 boots"), std::string::npos) << out_;
  EXPECT_NE(err_.find("3 of 3 boots"), std::string::npos) << err_;
}

TEST_F(BootMany, ExceededLimitIsStatusOneAndASentence) {
  config_.limits = {{99, 39'000'000}, {50, 40'000'000}};
  EXPECT_EQ(boot(config_, kReady), 1);
  EXPECT_NE(err_.find("mayfly: p99 of exec to ready is 40.000 ms, over the limit of 39.000 ms; in that boot, "
                      "number 3, the longest phase is guest_kernel"),
            std::string::npos)
      << err_;
  EXPECT_EQ(err_.find("p50"), std::string::npos);
}

TEST_F(BootMany, BootThatIsNeverReadyShowsPhaseAndConsole) {
  const int status = boot(config_, R"(seq 1 30 >$console; printf 'last \033[2J line\n' >$console
    echo '{"version": 1, "outcome": "timeout", "phases": [{"name": "guest_init", "unfinished": true}]}' >$timeline
    exit 124)");
  EXPECT_EQ(status, 124);
  EXPECT_NE(err_.find("mayfly: boot 1 was not ready within 30000 ms; it was in the phase guest_init\n"),
            std::string::npos)
      << err_;
  EXPECT_NE(err_.find("  | 12\n"), std::string::npos) << err_;
  EXPECT_EQ(err_.find("  | 11\n"), std::string::npos) << "20 lines are enough";
  EXPECT_NE(err_.find("  | last ?[2J line\n"), std::string::npos) << "no escapes for the terminal";
  EXPECT_EQ(out_, "");
}

TEST_F(BootMany, BootThatFailsIsTheUsersToSee) {
  EXPECT_EQ(boot(config_, "echo 'mayfly: no such image' >&2; exit 125"), 125);
  EXPECT_NE(err_.find("boot 1 failed with exit status 125"), std::string::npos) << err_;
  EXPECT_NE(err_.find("  | mayfly: no such image\n"), std::string::npos) << err_;
  EXPECT_EQ(err_.find("console"), std::string::npos) << "there was no guest";
}

TEST_F(BootMany, BootWithoutATimelineFails) {
  EXPECT_EQ(boot(config_, "exit 0"), 125);
  EXPECT_NE(err_.find("ended without being ready"), std::string::npos) << err_;
}

TEST_F(BootMany, FloodOnTheConsoleIsNotKept) {
  EXPECT_EQ(boot(config_, "head -c 3000000 /dev/zero >$console; head -c 3000000 /dev/zero >&2; exit 125"),
            125);
  EXPECT_LT(err_.size(), 64U << 10U);
}

TEST_F(BootMany, ProgramThatCannotBeStartedIsNamed) {
  EndSignals signals;
  const ChildEnd end = run_child("/nosuch/mayfly", {}, {}, signals, 60'000'000'000);
  EXPECT_EQ(end.status, 125);
  EXPECT_NE(end.errors.find("/nosuch/mayfly"), std::string::npos);
}

TEST_F(BootMany, ChildIsToldWhenItWasExecd) {
  EndSignals signals;
  const std::uint64_t before = monotonic_ns();
  const ChildEnd end = run_child(script("echo $MAYFLY_EXEC_NS >&2"), {}, {}, signals, 60'000'000'000);
  const std::uint64_t told = std::stoull(end.errors);
  EXPECT_GE(told, before);
  EXPECT_LE(told, end.ended_ns);
}

TEST_F(BootMany, ChildThatDoesNotEndIsKilled) {
  EndSignals signals;
  const ChildEnd end = run_child(script("sleep 1000"), {}, {}, signals, 100'000'000);
  EXPECT_TRUE(end.overdue);
  EXPECT_EQ(end.status, 128 + SIGKILL);
}

TEST_F(BootMany, SignalEndsTheChildAndIsTold) {
  EndSignals signals;
  ::kill(::getpid(), SIGINT);
  const ChildEnd end = run_child(script("sleep 1000"), {}, {}, signals, 60'000'000'000);
  EXPECT_EQ(end.interrupted, SIGINT);
  EXPECT_EQ(end.status, 128 + SIGKILL);
}

TEST_F(BootMany, ChildHasTheCallersSignalMask) {
  EndSignals signals;
  const ChildEnd end =
      run_child(script("grep SigBlk /proc/self/status >&2"), {}, {}, signals, 60'000'000'000);
  EXPECT_EQ(end.errors, "SigBlk:\t0000000000000000\n");
}

}  // namespace
}  // namespace mayfly::cli
