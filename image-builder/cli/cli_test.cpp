// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/base/fd.hpp"
#include "image-builder/testing/init.hpp"
#include "image-builder/testing/program.hpp"
#include "image-builder/testing/tar_writer.hpp"
#include "image-builder/testing/temporary_directory.hpp"

namespace mayfly::image {
namespace {

using testing::Outcome;
using testing::run_shell;

class Cli : public ::testing::Test {
 protected:
  Cli() {
    testing::TarWriter tar(work_ / "x.tar");
    tar.file("f", testing::pattern(std::size_t{3} << 20U, 1)).close();
    std::filesystem::create_directory(work_ / "out");
  }

  [[nodiscard]] static std::string program() { return MAYFLY_IMAGE_PROGRAM; }
  [[nodiscard]] std::string image() const { return work_ / "out/x.img"; }
  [[nodiscard]] std::string build_command(const std::string& more = {}) const {
    return program() + " build --from " + (work_ / "x.tar") + " --output " + image() + " --init " + init_ +
           " " + more;
  }
  [[nodiscard]] Outcome build(const std::string& more = {}) const { return run_shell(build_command(more)); }
  // The sorted names beside the image: nothing may be left there.
  [[nodiscard]] std::set<std::string> left() const { return testing::names_in(work_ / "out"); }

  testing::TemporaryDirectory work_;
  std::string init_ = testing::write_init(work_);
};

TEST_F(Cli, BuildInspectAndVerifySucceedQuietly) {
  const Outcome built = build();
  EXPECT_EQ(built.status, 0);
  EXPECT_EQ(built.output, "");
  EXPECT_EQ(left(), std::set<std::string>{"x.img"});
  EXPECT_EQ(run_shell(program() + " verify " + image()).status, 0);
  EXPECT_EQ(run_shell(program() + " inspect " + image()).status, 0);
}

TEST_F(Cli, InspectGivesBackWhatBuildWasTold) {
  ASSERT_EQ(build("--entrypoint python3 --entrypoint=-c --entrypoint 'print(1)' --env A=1 --env 'B=x y' "
                  "--workdir /srv "
                  "--user 7:8 --hostname demo")
                .status,
            0);
  const auto json = nlohmann::json::parse(run_shell(program() + " inspect --json " + image()).output);
  EXPECT_EQ(json["entrypoint"], (std::vector<std::string>{"python3", "-c", "print(1)"}));
  EXPECT_EQ(json["env"], (std::vector<std::string>{"A=1", "B=x y"}));
  EXPECT_EQ(json["workdir"], "/srv");
  EXPECT_EQ(json["user"], "7:8");
  EXPECT_EQ(json["hostname"], "demo");
  EXPECT_EQ(json["file_system"], "erofs");
  EXPECT_EQ(json["files"], 11);
  EXPECT_EQ(json["image_bytes"], std::filesystem::file_size(image()));
  const std::string text = run_shell(program() + " inspect " + image()).output;
  EXPECT_NE(text.find("\"python3\" \"-c\" \"print(1)\""), std::string::npos) << text;
  EXPECT_NE(text.find(json["fs_sha256"].get<std::string>()), std::string::npos) << text;
}

TEST_F(Cli, CommandAfterTwoDashesIsTheEntrypoint) {
  ASSERT_EQ(build("-- python3 -c 'print(1)'").status, 0);
  const auto json = nlohmann::json::parse(run_shell(program() + " inspect --json " + image()).output);
  EXPECT_EQ(json["entrypoint"], (std::vector<std::string>{"python3", "-c", "print(1)"}));
  EXPECT_TRUE(json["workdir"].is_null());
}

TEST_F(Cli, HelpAndVersionEverywhere) {
  for (const char* command : {"", " build", " inspect", " verify"}) {
    const Outcome help = run_shell(program() + command + " --help");
    EXPECT_EQ(help.status, 0);
    EXPECT_NE(help.output.find("125"), std::string::npos) << "exit statuses are in the help: " << help.output;
    const Outcome version = run_shell(program() + command + " --version");
    EXPECT_EQ(version.status, 0);
    EXPECT_EQ(version.output.rfind("mayfly-image ", 0), 0U) << version.output;
  }
}

TEST_F(Cli, UsageErrorsAreOneSentenceAndStatusTwo) {
  for (const std::string& command :
       {program(), program() + " nosuch", program() + " build", program() + " inspect",
        build_command("--fs xfs"), build_command("--env NOVALUE"), build_command("--env =x"),
        build_command("--workdir relative"), build_command("--user ''"), build_command("--hostname ''"),
        build_command("--nosuch"), build_command("--entrypoint a -- b")}) {
    const Outcome outcome = run_shell(command);
    EXPECT_EQ(outcome.status, 2) << command << ": " << outcome.output;
    EXPECT_EQ(outcome.output.rfind("mayfly-image: ", 0), 0U) << outcome.output;
    EXPECT_EQ(std::count(outcome.output.begin(), outcome.output.end(), '\n'), 1) << outcome.output;
  }
  EXPECT_TRUE(left().empty());
}

TEST_F(Cli, BadInputIsStatusOneAndLeavesTheOldImage) {
  ASSERT_EQ(build().status, 0);
  const std::string before = testing::read_file(image());
  testing::write_file(work_ / "x.tar", "no archive");
  const Outcome outcome = build();
  EXPECT_EQ(outcome.status, 1) << outcome.output;
  EXPECT_EQ(outcome.output.rfind("mayfly-image: input \"", 0), 0U) << outcome.output;
  EXPECT_TRUE(testing::read_file(image()) == before);
  EXPECT_EQ(left(), std::set<std::string>{"x.img"});
}

TEST_F(Cli, AnExistingOutputIsReplaced) {
  testing::write_file(image(), "old");
  ASSERT_EQ(build().status, 0);
  EXPECT_EQ(run_shell(program() + " verify " + image()).status, 0);
  EXPECT_EQ(left(), std::set<std::string>{"x.img"});
}

TEST_F(Cli, OutputThatCannotBeWrittenIsOurFailure) {
  const Outcome missing = run_shell(program() + " build --from " + (work_ / "x.tar") + " --output " +
                                    (work_ / "nosuch/x.img") + " --init " + init_);
  EXPECT_EQ(missing.status, 125) << missing.output;
  EXPECT_NE(missing.output.find("nosuch/x.img"), std::string::npos) << missing.output;
  std::filesystem::create_directory(image());
  const Outcome directory = build();
  EXPECT_EQ(directory.status, 125) << directory.output;
  EXPECT_TRUE(std::filesystem::is_directory(image()));
}

TEST_F(Cli, MissingInitIsOurFailure) {
  std::filesystem::remove(init_);
  const Outcome outcome = build();
  EXPECT_EQ(outcome.status, 125);
  EXPECT_NE(outcome.output.find("--init"), std::string::npos) << outcome.output;
  EXPECT_TRUE(left().empty());
}

TEST_F(Cli, AFileSizeLimitLeavesNothing) {
  for (const char* limit : {"100", "4000"}) {  // of 1024 bytes each: the spool's, and the image's 8 MiB
    for (const char* fs : {"erofs", "ext4"}) {
      const Outcome outcome =
          run_shell(std::string("ulimit -f ") + limit + "; exec " + build_command(std::string("--fs ") + fs));
      EXPECT_EQ(outcome.status, 125) << outcome.output;
      EXPECT_NE(outcome.output.find("File too large"), std::string::npos) << outcome.output;
      EXPECT_TRUE(left().empty());
    }
  }
}

TEST_F(Cli, AFullDiskLeavesNothing) {
  if (::geteuid() != 0 || run_shell("mount -t tmpfs -o size=4m tmpfs " + (work_ / "out")).status != 0) {
    GTEST_SKIP() << "needs the right to mount a tmpfs";
  }
  const Outcome erofs = build();
  const Outcome ext4 = build("--fs ext4");
  const auto names = left();
  run_shell("umount " + (work_ / "out"));
  EXPECT_EQ(erofs.status, 125) << erofs.output;
  EXPECT_NE(erofs.output.find("No space left"), std::string::npos) << erofs.output;
  EXPECT_EQ(ext4.status, 125) << ext4.output;
  EXPECT_TRUE(names.empty());
}

// A signal in the middle of the archive: the process has read all that was written, and waits for more.
class CliSignal : public Cli, public ::testing::WithParamInterface<int> {};

TEST_P(CliSignal, EndsTheBuildByThatSignalAndLeavesNothing) {
  const std::string fifo = work_ / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const Fd writer(::open(fifo.c_str(), O_RDWR | O_CLOEXEC));
  const std::string head = testing::read_file(work_ / "x.tar").substr(0, 8192);
  ASSERT_EQ(::write(writer.get(), head.data(), head.size()), static_cast<ssize_t>(head.size()));
  std::array<std::string, 8> words = {program(),  "build", "--from", fifo,
                                      "--output", image(), "--init", init_};
  std::array<char*, 9> arguments{};
  std::transform(words.begin(), words.end(), arguments.begin(),
                 [](std::string& word) { return word.data(); });
  pid_t pid = -1;
  ASSERT_EQ(::posix_spawn(&pid, program().c_str(), nullptr, nullptr, arguments.data(), environ), 0);
  for (int unread = 1; unread != 0; std::this_thread::sleep_for(std::chrono::milliseconds(5))) {
    ASSERT_EQ(::ioctl(writer.get(), FIONREAD, &unread), 0);
  }
  ASSERT_EQ(::kill(pid, GetParam()), 0);
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), GetParam());
  EXPECT_TRUE(left().empty());
}

INSTANTIATE_TEST_SUITE_P(Signals, CliSignal, ::testing::Values(SIGINT, SIGTERM, SIGHUP));

TEST_F(Cli, VerifyAndInspectRefuseWhatIsNoWholeImage) {
  ASSERT_EQ(build().status, 0);
  const std::string good = testing::read_file(image());
  const auto refuse = [&](const std::string& bytes, const char* words) {
    testing::write_file(image(), bytes);
    const Outcome verify = run_shell(program() + " verify " + image());
    EXPECT_EQ(verify.status, 1) << verify.output;
    EXPECT_NE(verify.output.find(words), std::string::npos) << verify.output;
    EXPECT_NE(verify.output.find("x.img"), std::string::npos) << verify.output;
  };
  refuse(good.substr(0, good.size() - 1), "truncated");
  refuse("", "shorter");
  refuse(std::string(good.size(), 'x'), "magic");
  std::string bad = good;
  bad[100000] = static_cast<char>(bad[100000] ^ 1);
  refuse(bad, "digest");
  EXPECT_EQ(run_shell(program() + " inspect " + work_.path()).status, 1);
  EXPECT_EQ(run_shell(program() + " verify " + (work_ / "nosuch")).status, 1);
}

}  // namespace
}  // namespace mayfly::image
