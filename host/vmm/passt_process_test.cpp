// SPDX-License-Identifier: Apache-2.0
#include "vmm/passt_process.hpp"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/temporary_folder.hpp"

namespace mayfly::vmm {
namespace {

/// Scripts that are called passt. The fourth word is the descriptor of the wire.
class PasstProcessTest : public ::testing::Test {
 protected:
  PasstProcessTest() {
    (void)std::signal(SIGPIPE, SIG_IGN);
    ::setenv("PATH", folder_.path().c_str(), 1);
    device_.user.emplace();
    device_.setup.mac = {2, 0, 0, 0, 0, 9};
    device_.setup.address = {10, 0, 2, 15};
    device_.setup.prefix = 24;
    device_.setup.gateway = {10, 0, 2, 2};
  }
  ~PasstProcessTest() override { ::setenv("PATH", path_.c_str(), 1); }

  void write_passt(const std::string& script) const {
    const std::filesystem::path file = folder_.path() / "passt";
    std::ofstream(file) << "#!/bin/bash\ncd " << folder_.path().string() << "\n" << script << "\n";
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream file(folder_.path() / name);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  [[nodiscard]] bool has(const std::string& name) const {
    return std::filesystem::exists(folder_.path() / name);
  }
  [[nodiscard]] std::string refusal() const {
    PasstProcess process(device_);
    const auto port = process.take_port();
    try {
      process.wait_until_up();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  std::string path_ = std::getenv("PATH");
  testing::TemporaryFolder folder_;
  NetDevice device_;
};

// A packet from elsewhere comes first, and an answer for another address.
TEST_F(PasstProcessTest, IsUpWhenItAnswersForTheGateway) {
  write_passt(R"(
echo "$@" >words
head -c 46 <&$4 | od -An -v -tx1 | tr -d ' \n' >question
printf '\0\0\0\x10abcdefghijklmnop' >&$4
answer='\0\0\0\x2a\2\0\0\0\0\x9\x52\0\0\0\0\1\x8\6\0\1\x8\0\6\4\0\2\x52\0\0\0\0\1'
printf "$answer"'\xa\0\2\3\2\0\0\0\0\x9\xa\0\2\xf' >&$4
sleep 0.2
touch up
printf "$answer"'\xa\0\2\2\2\0\0\0\0\x9\xa\0\2\xf' >&$4
cat <&$4 >rest
sleep 0.2
touch gone)");
  pid_t id = 0;
  {
    PasstProcess process(device_);
    id = process.id();
    const auto port = process.take_port();
    process.wait_until_up();
    EXPECT_TRUE(has("up"));
    EXPECT_EQ(read("question"),
              "0000002affffffffffff020000000009080600010800060400010200000000090a00020f0000000000000a000202");
    EXPECT_NE(read("words").find(" --address 10.0.2.15 --netmask 24 --gateway 10.0.2.2 "), std::string::npos);
  }
  EXPECT_TRUE(has("gone")) << "it is waited for";
  EXPECT_EQ(::waitpid(id, nullptr, 0), id);
}

TEST_F(PasstProcessTest, LastWordsAreTheError) {
  write_passt("echo 'No way out' >&2\nexit 1");
  EXPECT_EQ(refusal(), "--net user: passt (No way out) has ended before the guest began");
  write_passt("head -c 46 <&$4 >/dev/null");
  EXPECT_EQ(refusal(), "--net user: passt has ended before the guest began");
}

TEST_F(PasstProcessTest, OneThatIsNotThereIsToBeInstalled) {
  EXPECT_EQ(
      refusal(),
      "--net user: cannot run passt, of the package of that name (apt-get install passt): No such file or "
      "directory");
}

}  // namespace
}  // namespace mayfly::vmm
