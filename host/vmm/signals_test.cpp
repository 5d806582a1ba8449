// SPDX-License-Identifier: Apache-2.0
#include "vmm/signals.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

namespace mayfly::vmm {
namespace {

TEST(Signals, AreReadInsteadOfKilling) {
  Signals signals;
  EXPECT_EQ(signals.next(), std::nullopt);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH}) {
    ASSERT_EQ(::kill(::getpid(), signal), 0);
    EXPECT_EQ(signals.next(), signal);
  }
  EXPECT_EQ(signals.next(), std::nullopt);
}

TEST(Signals, IgnoredByTheCallerStayIgnored) {
  struct sigaction old {};
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  ASSERT_EQ(::sigaction(SIGHUP, &ignore, &old), 0);
  {
    Signals signals;
    ASSERT_EQ(::kill(::getpid(), SIGHUP), 0);
    EXPECT_EQ(signals.next(), std::nullopt);
  }
  ::sigaction(SIGHUP, &old, nullptr);
}

TEST(Signals, BrokenPipeIsAnErrorOfWrite) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[0]);
  const Fd writer(ends[1]);
  Signals signals;
  EXPECT_EQ(::write(writer.get(), "x", 1), -1);
  EXPECT_EQ(errno, EPIPE);
}

TEST(Signals, MaskIsGivenBack) {
  sigset_t before{};
  sigset_t after{};
  ::pthread_sigmask(SIG_BLOCK, nullptr, &before);
  { const Signals signals; }
  ::pthread_sigmask(SIG_BLOCK, nullptr, &after);
  EXPECT_EQ(::sigismember(&before, SIGTERM), ::sigismember(&after, SIGTERM));
}

}  // namespace
}  // namespace mayfly::vmm
