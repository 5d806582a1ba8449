// SPDX-License-Identifier: Apache-2.0
#include "base/text_file.hpp"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/fd.hpp"

namespace mayfly {
namespace {

class TextFileTest : public ::testing::Test {
 protected:
  TextFileTest() { std::filesystem::remove_all(path_); }
  ~TextFileTest() override { std::filesystem::remove_all(path_); }

  const std::string path_ = ::testing::TempDir() + "mayfly-text-" + std::to_string(::getpid());
};

TEST_F(TextFileTest, NothingOfAnAbsentFile) {
  EXPECT_FALSE(read_text_file(path_, 10).has_value());
  EXPECT_EQ(errno, ENOENT);
}

TEST_F(TextFileTest, OneByteTooManyIsSeen) {
  std::ofstream(path_) << "0123456789";
  EXPECT_EQ(read_text_file(path_, 10), "0123456789");
  EXPECT_EQ(read_text_file(path_, 4), "01234");
}

TEST_F(TextFileTest, TheFirstLineIsWithoutItsEnd) {
  EXPECT_EQ(first_line_of(path_), "");
  std::ofstream(path_) << "flr bus\nmore\n";
  EXPECT_EQ(first_line_of(path_), "flr bus");
  std::ofstream(path_) << "no end";
  EXPECT_EQ(first_line_of(path_), "no end");
}

TEST_F(TextFileTest, AShorterTextLeavesNothingOfALongerOne) {
  std::ofstream(path_) << "what was there before";
  const Fd file(::open(path_.c_str(), O_WRONLY | O_CLOEXEC));
  replace_text(file.get(), "now", path_);
  EXPECT_EQ(read_text_file(path_, 100), "now");
}

// More than a pipe holds, so that one write does not take it all.
TEST_F(TextFileTest, APipeGetsAllOfIt) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const Fd out(ends[0]);
  Fd in(ends[1]);
  const std::string text(1'000'000, 'x');
  std::size_t arrived = 0;
  std::thread reader([&] {
    char piece[4096];
    for (ssize_t bytes = 0; (bytes = ::read(out.get(), piece, sizeof(piece))) > 0;) {
      arrived += static_cast<std::size_t>(bytes);
    }
  });
  replace_text(in.get(), text, "pipe");
  in = Fd();
  reader.join();
  EXPECT_EQ(arrived, text.size());
}

TEST_F(TextFileTest, AFailureNamesTheFile) {
  const Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  try {
    replace_text(full.get(), "text", "report.json");
    FAIL() << "it was written";
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()), "cannot write report.json: No space left on device");
  }
}

}  // namespace
}  // namespace mayfly
