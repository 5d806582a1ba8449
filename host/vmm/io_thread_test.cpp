// SPDX-License-Identifier: Apache-2.0
#include "vmm/io_thread.hpp"

#include <array>
#include <atomic>
#include <functional>
#include <thread>
#include <utility>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace mayfly::vmm {
namespace {

using namespace std::chrono_literals;

/// One end is watched, the other is the test's.
struct SocketPair {
  SocketPair() {
    std::array<int, 2> both{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, both.data()), 0);
    watched = Fd(both[0]);
    other = Fd(both[1]);
  }
  void send() const { EXPECT_EQ(::write(other.get(), "x", 1), 1); }
  [[nodiscard]] bool take() const {
    char byte = 0;
    return ::read(watched.get(), &byte, 1) == 1;
  }
  Fd watched;
  Fd other;
};

/// Counts how often it is called, and does what the test says.
class Handler final : public io::EventHandler {
 public:
  explicit Handler(std::function<void(io::Readiness)> action) : action_(std::move(action)) {}
  void ready(io::Readiness what) noexcept override {
    action_(what);
    ++calls;
  }
  void wait_for(int count) const {
    while (calls < count) {
      std::this_thread::yield();
    }
  }
  std::atomic<int> calls{0};

 private:
  std::function<void(io::Readiness)> action_;
};

class IoThreadTest : public ::testing::Test {
 protected:
  PauseGate gate_;
  SocketPair one_;
  SocketPair two_;
  IoThread thread_{gate_, sandbox::ThreadKind::kIo};
};

TEST_F(IoThreadTest, CallsAHandlerForEachByte) {
  Handler handler([&](io::Readiness what) {
    EXPECT_EQ(what, io::kReadable);
    EXPECT_TRUE(one_.take());
  });
  ASSERT_TRUE(thread_.watch(one_.watched.get(), io::kReadable, handler));
  thread_.start();
  for (int i = 1; i <= 100; ++i) {
    one_.send();
    handler.wait_for(i);
  }
  thread_.stop();
  EXPECT_EQ(handler.calls, 100);
}

TEST_F(IoThreadTest, CallsAgainForWhatWasLeft) {
  one_.send();
  one_.send();
  one_.send();
  Handler handler([&](io::Readiness) { EXPECT_TRUE(one_.take()); });
  ASSERT_TRUE(thread_.watch(one_.watched.get(), io::kReadable, handler));
  thread_.start();
  handler.wait_for(3);
}

TEST_F(IoThreadTest, WatchesForSomethingElseAfterAChange) {
  std::atomic<int> writable{0};
  Handler handler([&](io::Readiness what) {
    if ((what & io::kWritable) != 0) {
      ++writable;
      EXPECT_TRUE(thread_.change(one_.watched.get(), io::kReadable, handler));
    } else {
      EXPECT_TRUE(one_.take());
    }
  });
  ASSERT_TRUE(thread_.watch(one_.watched.get(), io::kWritable, handler));
  thread_.start();
  handler.wait_for(1);
  one_.send();
  handler.wait_for(2);
  thread_.stop();
  EXPECT_EQ(writable, 1);
}

TEST_F(IoThreadTest, TellsThatTheOtherEndIsGoneUntilItIsForgotten) {
  Handler handler([&](io::Readiness what) {
    EXPECT_NE(what & io::kBroken, 0);
    thread_.forget(one_.watched.get(), handler);
  });
  Handler next([&](io::Readiness) { EXPECT_TRUE(two_.take()); });
  ASSERT_TRUE(thread_.watch(one_.watched.get(), 0, handler));
  ASSERT_TRUE(thread_.watch(two_.watched.get(), io::kReadable, next));
  one_.other = Fd();
  thread_.start();
  handler.wait_for(1);
  for (int i = 1; i <= 10; ++i) {
    two_.send();
    next.wait_for(i);
  }
  EXPECT_EQ(handler.calls, 1);
}

// Both are ready in one turn; whoever is first forgets the other, which may be gone by then.
TEST_F(IoThreadTest, WhoIsForgottenInATurnIsNotCalledInIt) {
  Handler* first = nullptr;
  Handler* second = nullptr;
  std::atomic<int> calls{0};
  const auto forget_the_other = [&](Handler*& other, const SocketPair& others) {
    return [&](io::Readiness) {
      ++calls;
      thread_.forget(others.watched.get(), *other);
      EXPECT_TRUE(one_.take() && two_.take());
    };
  };
  Handler one(forget_the_other(second, two_));
  Handler two(forget_the_other(first, one_));
  first = &one;
  second = &two;
  ASSERT_TRUE(thread_.watch(one_.watched.get(), io::kReadable, one));
  ASSERT_TRUE(thread_.watch(two_.watched.get(), io::kReadable, two));
  one_.send();
  two_.send();
  thread_.start();
  while (one.calls + two.calls == 0) {
    std::this_thread::yield();
  }
  thread_.stop();
  EXPECT_EQ(calls, 1);
}

TEST_F(IoThreadTest, HoldsStillWhileTheMachineIsPaused) {
  Handler handler([&](io::Readiness) { EXPECT_TRUE(one_.take()); });
  ASSERT_TRUE(thread_.watch(one_.watched.get(), io::kReadable, handler));
  thread_.start();
  for (int i = 0; i < 20; ++i) {
    gate_.close();
    thread_.interrupt();
    ASSERT_TRUE(gate_.wait_for(1, 20s));
    const int before = handler.calls;
    one_.send();
    std::this_thread::sleep_for(1ms);
    EXPECT_EQ(handler.calls, before);
    gate_.open();
    handler.wait_for(before + 1);
  }
}

// Whether it has begun to wait for it by then or not.
TEST_F(IoThreadTest, WhatIsReadyAtItsEndIsStillTold) {
  for (int i = 0; i < 100; ++i) {
    Handler handler([&](io::Readiness) { EXPECT_TRUE(one_.take()); });
    IoThread thread(gate_, sandbox::ThreadKind::kIo);
    ASSERT_TRUE(thread.watch(one_.watched.get(), io::kReadable, handler));
    thread.start();
    one_.send();
    thread.stop();
    EXPECT_EQ(handler.calls, 1);
  }
}

TEST_F(IoThreadTest, WhatIsAlwaysReadyDoesNotKeepItFromItsEnd) {
  Handler handler([](io::Readiness) {});
  ASSERT_TRUE(thread_.watch(one_.watched.get(), io::kWritable, handler));
  thread_.start();
  handler.wait_for(1);
  thread_.stop();
}

TEST_F(IoThreadTest, ItsEndIsNotWaitedForAtTheGate) {
  thread_.start();
  thread_.stop();
  gate_.close();
  EXPECT_TRUE(gate_.wait_for(1, 20s));
}

TEST_F(IoThreadTest, ADescriptorThatCannotBeWatchedIsRefused) {
  Handler handler([](io::Readiness) {});
  EXPECT_FALSE(thread_.watch(-1, io::kReadable, handler));
  EXPECT_FALSE(thread_.change(one_.watched.get(), io::kReadable, handler));
}

}  // namespace
}  // namespace mayfly::vmm
