// SPDX-License-Identifier: Apache-2.0
#include "vmm/terminal.hpp"

#include <exception>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/fd.hpp"

namespace mayfly::vmm {
namespace {

class TerminalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    master_ = Fd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    ASSERT_TRUE(master_);
    ASSERT_EQ(::grantpt(master_.get()), 0);
    ASSERT_EQ(::unlockpt(master_.get()), 0);
    tty_ = Fd(::open(::ptsname(master_.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
    ASSERT_TRUE(tty_);
  }
  [[nodiscard]] bool echoes() const {
    termios mode{};
    ::tcgetattr(tty_.get(), &mode);
    return (mode.c_lflag & ECHO) != 0 && (mode.c_oflag & OPOST) != 0;
  }
  // Runs `die` in a child that has the terminal in raw mode; the child's wait status.
  template <typename Die>
  int status_of_child(Die die) {
    const pid_t child = ::fork();
    if (child == 0) {
      const Terminal terminal(tty_.get());
      die();
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return status;
  }

  Fd master_;
  Fd tty_;
};

TEST_F(TerminalTest, BothEndsMustBeTerminals) {
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_TRUE(is_terminal(tty_.get(), tty_.get()));
  EXPECT_FALSE(is_terminal(tty_.get(), null.get()));
  EXPECT_FALSE(is_terminal(null.get(), tty_.get()));
}

TEST_F(TerminalTest, RawModeLastsAsLongAsTheObject) {
  ASSERT_TRUE(echoes());
  {
    const Terminal terminal(tty_.get());
    EXPECT_FALSE(echoes());
  }
  EXPECT_TRUE(echoes());
}

TEST_F(TerminalTest, ModeComesBackWhenTheProcessAborts) {
  EXPECT_EQ(WTERMSIG(status_of_child([] { ::abort(); })), SIGABRT);
  EXPECT_TRUE(echoes());
}

TEST_F(TerminalTest, ModeComesBackWhenAnExceptionEscapes) {
  EXPECT_EQ(WTERMSIG(status_of_child([] { std::terminate(); })), SIGABRT);
  EXPECT_TRUE(echoes());
}

TEST_F(TerminalTest, ModeComesBackAfterAFault) {
  EXPECT_EQ(WTERMSIG(status_of_child([] { static_cast<void>(::raise(SIGSEGV)); })), SIGSEGV);
  EXPECT_TRUE(echoes());
}

TEST_F(TerminalTest, ModeStaysRawWithoutTheseWaysOut) {
  // Shows that the three tests above see something.
  EXPECT_TRUE(WIFEXITED(status_of_child([] {})));
  EXPECT_FALSE(echoes());
}

TEST_F(TerminalTest, SizeFollowsTheTerminal) {
  const Terminal terminal(tty_.get());
  EXPECT_EQ(terminal.size(), (protocol::TerminalSize{24, 80})) << "a new pseudo-terminal knows none";
  const winsize size{50, 132, 0, 0};
  ASSERT_EQ(::ioctl(master_.get(), TIOCSWINSZ, &size), 0);
  EXPECT_EQ(terminal.size(), (protocol::TerminalSize{50, 132}));
}

TEST_F(TerminalTest, WhatIsNoTerminalIsRefused) {
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_THROW(const Terminal terminal(null.get()), Error);
}

}  // namespace
}  // namespace mayfly::vmm
