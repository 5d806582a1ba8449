// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/files.hpp"

#include <array>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.hpp"

namespace mayfly::gate {
namespace {

TEST(WriteFile, ReplacesAFileAndLeavesNothingBeside) {
  const TemporaryDirectory directory;
  const std::string file = directory.path() + "/report";
  write_file(file, "a longer text");
  write_file(file, "short");
  EXPECT_EQ(read_file(file), "short");
  EXPECT_EQ(::rmdir(directory.path().c_str()), -1);
  ::unlink(file.c_str());
  EXPECT_EQ(::rmdir(directory.path().c_str()), 0);
}

TEST(WriteFile, WritesToAPipeAndDoesNotReplaceIt) {
  const TemporaryDirectory directory;
  const std::string pipe = directory.path() + "/pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const Fd reader(::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  write_file(pipe, "text");
  std::array<char, 16> got{};
  EXPECT_EQ(::read(reader.get(), got.data(), got.size()), 4);
  struct stat status {};
  ASSERT_EQ(::stat(pipe.c_str(), &status), 0);
  EXPECT_TRUE(S_ISFIFO(status.st_mode));
}

}  // namespace
}  // namespace mayfly::gate
