// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/eventfd.h>

#include "base/error.hpp"
#include "base/temporary_folder.hpp"
#include "pool/client.hpp"
#include "pool/pool.hpp"

namespace mayfly::pool::testing {

/// Real memory, small; begin() can be made to fail, and fill() to wait. Any thread.
class TestSource final : public Source {
 public:
  [[nodiscard]] std::unique_ptr<Filling> begin(const MemoryKind& kind) override {
    if (refuses) {
      throw Error("no pages are free");
    }
    return std::make_unique<TestFilling>(real_.begin(kind), *this);
  }
  void give_back(Fd memory, std::uint64_t bytes) noexcept override {
    real_.give_back(std::move(memory), bytes);
    ++given_back;
  }
  /// Parts are filled only while this is true.
  void let_fill(bool may) {
    const std::lock_guard lock(mutex_);
    may_fill_ = may;
    changed_.notify_all();
  }

  std::atomic<bool> refuses{false};
  std::atomic<int> given_back{0};
  /// Parts that were filled by a thread of idle priority, and by others.
  std::atomic<int> idle_parts{0};
  std::atomic<int> ordinary_parts{0};

 private:
  class TestFilling final : public Filling {
   public:
    TestFilling(std::unique_ptr<Filling> real, TestSource& source)
        : real_(std::move(real)), source_(source) {}
    [[nodiscard]] Result<void, std::string> fill(const Piece& part) noexcept override {
      std::atomic<int>& parts =
          ::sched_getscheduler(0) == SCHED_IDLE ? source_.idle_parts : source_.ordinary_parts;
      ++parts;
      source_.await_leave();
      return real_->fill(part);
    }
    [[nodiscard]] Fd take() noexcept override { return real_->take(); }

   private:
    std::unique_ptr<Filling> real_;
    TestSource& source_;
  };

  void await_leave() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return may_fill_; });
  }

  MemfdSource real_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool may_fill_ = true;
};

inline constexpr std::uint64_t kSmall = 2 * kMiB;
inline constexpr std::uint64_t kLarge = 16 * kMiB;

/// A pool on a thread: of 2 MiB two are kept ready and three there at most, of 16 MiB one.
class PoolTest : public ::testing::Test {
 protected:
  PoolTest() : stop_(::eventfd(0, EFD_CLOEXEC)) {
    parts_.shelves = {{.kind = {.bytes = kSmall, .pages = Pages::k4k}, .count = 2, .most = 3},
                      {.kind = {.bytes = kLarge, .pages = Pages::k4k}}};
    // A busy machine gives next to nothing to idle threads.
    parts_.background = Filler::Background::kOrdinary;
    parts_.retry_after = std::chrono::milliseconds(1);
    parts_.on_ready = [this](const Shelf& shelf) { note("ready " + to_string(shelf.kind())); };
    parts_.on_trouble = [this](std::string_view sentence) { note(std::string(sentence)); };
  }
  ~PoolTest() override { stop(); }

  void start(Source& source) {
    thread_ = std::thread([this, &source] {
      try {
        Pool pool(parts_, source, path_);
        note("listening");
        pool.run(stop_.get());
      } catch (const Error& error) {
        note(std::string("ended: ") + error.what());
      }
    });
    await("listening");
  }
  void start() { start(source_); }
  void stop() {
    source_.let_fill(true);
    if (thread_.joinable()) {
      (void)::eventfd_write(stop_.get(), 1);
      thread_.join();
    }
  }
  /// Waits until the pool has said a line that begins so, `times` of them.
  void await(const std::string& begin, std::size_t times = 1) {
    std::unique_lock lock(mutex_);
    said_more_.wait(lock, [&] { return count(begin) >= times; });
  }
  [[nodiscard]] std::size_t said(const std::string& begin) {
    const std::lock_guard lock(mutex_);
    return count(begin);
  }

  [[nodiscard]] LentMemory take(std::uint64_t bytes = kSmall, Pages pages = Pages::kAuto) const {
    return take_memory(path_, bytes, pages);
  }
  /// Without the pool's path.
  [[nodiscard]] std::string refusal(std::uint64_t bytes = kSmall, Pages pages = Pages::kAuto) const {
    try {
      (void)take(bytes, pages);
    } catch (const Error& error) {
      const std::string begin = "the pool at " + path_ + ": ";
      const std::string said = error.what();
      return said.starts_with(begin) ? said.substr(begin.size()) : said;
    }
    return "";
  }
  [[nodiscard]] ShelfStatus status(std::size_t shelf = 0) const { return ask_status(path_).at(shelf); }
  /// Asks until the status is so.
  template <typename Condition>
  void await_status(Condition condition, std::size_t shelf = 0) const {
    while (!condition(status(shelf))) {
      std::this_thread::yield();
    }
  }

  TestSource source_;
  PoolParts parts_;
  mayfly::testing::TemporaryFolder folder_;
  std::string path_ = folder_.path() / "socket";

 private:
  [[nodiscard]] std::size_t count(const std::string& begin) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(said_, [&](const std::string& line) { return line.starts_with(begin); }));
  }
  void note(std::string line) {
    const std::lock_guard lock(mutex_);
    said_.push_back(std::move(line));
    said_more_.notify_all();
  }

  Fd stop_;
  std::mutex mutex_;
  std::condition_variable said_more_;
  std::vector<std::string> said_;
  std::thread thread_;
};

}  // namespace mayfly::pool::testing
