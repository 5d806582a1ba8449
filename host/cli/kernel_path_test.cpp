// SPDX-License-Identifier: Apache-2.0
#include "cli/kernel_path.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <stdlib.h>

#include "base/error.hpp"

namespace mayfly::cli {
namespace {

class KernelPath : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "mayfly-kernel-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::filesystem::path directory_;
};

TEST_F(KernelPath, EnvironmentGoesFirst) { EXPECT_EQ(default_kernel("/k", "/bin/mayfly"), "/k"); }

TEST_F(KernelPath, KernelLiesBesideTheProgram) {
  std::filesystem::create_directories(directory_ / "lib/mayfly");
  std::ofstream(directory_ / "lib/mayfly/vmlinux") << "kernel";
  const std::string program = directory_ / "bin/mayfly";
  const std::string kernel = directory_ / "lib/mayfly/vmlinux";
  EXPECT_EQ(default_kernel(nullptr, program), kernel);
  EXPECT_EQ(default_kernel("", program), kernel);
}

TEST_F(KernelPath, MissingKernelIsNamedWithTheMend) {
  try {
    static_cast<void>(default_kernel(nullptr, directory_ / "bin/mayfly"));
    FAIL() << "taken";
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()),
              "no guest kernel at '" + (directory_ / "lib/mayfly/vmlinux").string() +
                  "'; name one with --kernel FILE or MAYFLY_KERNEL: No such file or directory");
  }
}

TEST_F(KernelPath, ProgramKnowsWhereItIs) { EXPECT_TRUE(std::filesystem::exists(executable_path())); }

}  // namespace
}  // namespace mayfly::cli
