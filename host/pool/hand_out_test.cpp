// SPDX-License-Identifier: Apache-2.0
//
// A pool and its clients as processes of their own, which are killed at any moment: no client gets what
// another has left.
#include <cstring>
#include <filesystem>
#include <functional>
#include <random>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/temporary_folder.hpp"
#include "pool/client.hpp"
#include "pool/pool.hpp"

namespace mayfly::pool {
namespace {

constexpr std::uint64_t kBytes = 2 * kMiB;

/// Hands the file of the tenant before to the next one, pages and all: what a pool must never do.
class ReusingSource final : public Source {
 public:
  [[nodiscard]] std::unique_ptr<Filling> begin(const MemoryKind& kind) override {
    return left_ ? std::make_unique<Reused>(std::move(left_)) : real_.begin(kind);
  }
  void give_back(Fd memory, std::uint64_t /*bytes*/) noexcept override { left_ = std::move(memory); }

 private:
  class Reused final : public Filling {
   public:
    explicit Reused(Fd memory) : memory_(std::move(memory)) {}
    [[nodiscard]] Result<void, std::string> fill(const Piece& /*part*/) noexcept override { return {}; }
    [[nodiscard]] Fd take() noexcept override { return std::move(memory_); }

   private:
    Fd memory_;
  };

  MemfdSource real_;
  Fd left_;
};

/// The process of a client has found what another left, was refused, or has all it wanted.
enum class ClientEnd : int { kGood = 0, kFoundSomething = 1, kRefused = 2, kKilled = 3 };

/// No threads here: processes are forked.
class HandOut : public ::testing::Test {
 protected:
  ~HandOut() override { end_pool(SIGKILL); }

  static pid_t fork_to(const std::function<int()>& main) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      int status = 99;
      try {
        status = main();
      } catch (const Error&) {
        status = static_cast<int>(ClientEnd::kRefused);
      }
      ::_exit(status);
    }
    return child;
  }
  template <typename Kind>
  void start_pool() {
    pool_ = fork_to([this] {
      Kind source;
      const Fd never(::eventfd(0, EFD_CLOEXEC));
      Pool({.shelves = {{.kind = {.bytes = kBytes, .pages = Pages::k4k}, .count = 3, .most = 6}},
            .on_ready = [](const Shelf&) {},
            .on_trouble = [](std::string_view) {},
            .background = Filler::Background::kOrdinary},
           source, path_)
          .run(never.get());
      return 0;
    });
    while (!status().has_value()) {
      ::usleep(1000);
    }
  }
  void end_pool(int signal) {
    if (pool_ > 0) {
      ::kill(pool_, signal);
      ::waitpid(pool_, nullptr, 0);
      pool_ = -1;
    }
  }
  /// Nothing while no pool is there.
  [[nodiscard]] std::optional<ShelfStatus> status() const {
    try {
      return ask_status(path_).at(0);
    } catch (const Error&) {
      return std::nullopt;
    }
  }
  [[nodiscard]] std::size_t files_of_pool() const {
    const std::filesystem::directory_iterator files("/proc/" + std::to_string(pool_) + "/fd");
    return static_cast<std::size_t>(std::distance(begin(files), end(files)));
  }
  /// The pool closes a connection, that of the last `status()` too, some time after its client has.
  [[nodiscard]] bool files_come_down_to(std::size_t count) const {
    constexpr int kTries = 60'000;
    for (int i = 0; i < kTries && files_of_pool() > count; ++i) {
      ::usleep(1000);
    }
    return files_of_pool() <= count;
  }
  void await_rest() const {
    for (auto now = status(); now->ready != 3 || now->lent + now->on_the_way > 0; now = status()) {
      ::usleep(1000);
    }
  }

  /// Takes memory, looks for anything in it, and writes all over it. Its descriptor goes to `keeper`, if
  /// there is one.
  [[nodiscard]] int use_memory(int keeper = -1) const {
    LentMemory lent = take_memory(path_, kBytes, Pages::kAuto);
    if (keeper >= 0) {
      const std::byte word{};
      const int file = lent.file.get();
      (void)lease::send_packet(keeper, {&word, 1}, {&file, 1});
    }
    const Backing memory(std::move(lent.file), kBytes, lent.pages);
    const std::span<std::byte> bytes = memory.bytes();
    const bool is_clean =
        bytes.front() == std::byte{0} && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
    std::memset(bytes.data(), 0x5a, bytes.size());
    return static_cast<int>(is_clean ? ClientEnd::kGood : ClientEnd::kFoundSomething);
  }
  [[nodiscard]] ClientEnd next_client() const {
    return end_of(fork_to([this] { return use_memory(); }));
  }
  static ClientEnd end_of(pid_t client) {
    int status = 0;
    ::waitpid(client, &status, 0);
    return WIFEXITED(status) ? static_cast<ClientEnd>(WEXITSTATUS(status)) : ClientEnd::kKilled;
  }

  mayfly::testing::TemporaryFolder folder_;
  std::string path_ = folder_.path() / "socket";
  pid_t pool_ = -1;
};

TEST_F(HandOut, PatternOfATenantWhoseDescriptorIsKeptIsInNothingThatIsLentNext) {
  start_pool<MemfdSource>();
  std::array<int, 2> ends{-1, -1};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
  const Fd here(ends[0]);
  const Fd there(ends[1]);
  EXPECT_EQ(end_of(fork_to([&] { return use_memory(there.get()); })), ClientEnd::kGood);
  lease::Packet kept = lease::receive_packet(here.get(), 1, 1);
  ASSERT_EQ(kept.files.size(), 1U);
  await_rest();
  const std::vector<char> pattern(kBytes, 'p');
  for (int i = 0; i < 12; ++i) {
    // Who has the file may write to it; that is nobody else's.
    ASSERT_EQ(::pwrite(kept.files[0].get(), pattern.data(), pattern.size(), 0), std::ssize(pattern));
    EXPECT_EQ(next_client(), ClientEnd::kGood);
  }
}

TEST_F(HandOut, PatternIsFoundWhereAFileIsHandedOnAsItIs) {
  start_pool<ReusingSource>();
  int found = 0;
  for (int i = 0; i < 12; ++i) {
    found += next_client() == ClientEnd::kFoundSomething ? 1 : 0;
  }
  EXPECT_GT(found, 0);
}

TEST_F(HandOut, AThousandWithKillsOfClientsAndPoolLoseNothingAndLeakNothing) {
  constexpr int kHandOuts = 1000;
  constexpr std::size_t kAtOnce = 4;
  std::mt19937 random(7);
  start_pool<MemfdSource>();
  await_rest();
  const std::size_t files_before = files_of_pool();
  std::array<int, 4> ends{};
  std::vector<pid_t> clients;
  const auto end_one = [&] {
    std::swap(clients[random() % clients.size()], clients.back());
    if (random() % 2 == 0) {
      ::usleep(static_cast<useconds_t>(random() % 2000));
      ::kill(clients.back(), SIGKILL);
    }
    ++ends.at(static_cast<std::size_t>(end_of(clients.back())));
    clients.pop_back();
  };
  for (int i = 1; i <= kHandOuts; ++i) {
    clients.push_back(fork_to([this] { return use_memory(); }));
    if (i % 300 == 0) {
      end_pool(SIGKILL);
      start_pool<MemfdSource>();
    }
    if (clients.size() == kAtOnce) {
      end_one();
    }
  }
  while (!clients.empty()) {
    end_one();
  }
  EXPECT_EQ(ends[1], 0) << "what another has left was found";
  EXPECT_GT(ends[0], 0);
  EXPECT_GT(ends[3], 0);
  await_rest();
  EXPECT_TRUE(files_come_down_to(files_before)) << files_of_pool() << " files, of " << files_before;
  EXPECT_EQ(status()->filled, status()->handed_out + 3);
}

}  // namespace
}  // namespace mayfly::pool
