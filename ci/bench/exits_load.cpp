// SPDX-License-Identifier: Apache-2.0
//
// What ci/bench/exits has a guest do: loads whose requests are counted, one after the other.
//
//   exits-load serve    in L1: asks the memcached of whoever connects, as often as it says
//   exits-load          in the guest
//
// Marks enclose what is measured (marks.hpp); exits_figures.py knows the numbers.
#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <initializer_list>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "marks.hpp"
#include "peer.hpp"

namespace {

constexpr std::uint16_t kPort = 11211;

constexpr unsigned kClients = 4;
/// One in so many requests of a client stores, the others fetch.
constexpr unsigned kStoreEvery = 10;
constexpr unsigned kRequests = 500;
constexpr unsigned kWarmRequests = 50;
constexpr unsigned kSleeps = 500;
constexpr unsigned kWarmSleeps = 20;
constexpr long kSecondNs = 1'000'000'000;
constexpr long kSleepNs = 2'100'000;
constexpr unsigned kPairs = 2;
constexpr unsigned kRounds = 1000;
constexpr unsigned kWarmRounds = 50;
constexpr unsigned kIdleSeconds = 2;
constexpr std::string_view kValue =
    "a value of some hundred bytes, as a cache keeps them: "
    "0123456789 0123456789 0123456789 0123456789 0123456789";

enum class Load : unsigned {
  kMemcached = 0,
  kCyclic = 2,
  kHackbench = 4,
  kPingPong = 6,
  kServed = 8,
  kIdle = 10
};

/// Starts a program whose output nobody needs; its process.
pid_t start(std::initializer_list<const char*> words) {
  const pid_t child = fork();
  require(child >= 0, "fork");
  if (child == 0) {
    const int nowhere = open("/dev/null", O_RDWR);
    dup2(nowhere, STDOUT_FILENO);
    std::vector<char*> arguments;
    for (const char* word : words) {
      arguments.push_back(const_cast<char*>(word));
    }
    arguments.push_back(nullptr);
    execv(arguments[0], arguments.data());
    std::perror(arguments[0]);
    _exit(127);
  }
  return child;
}

void run(std::initializer_list<const char*> words) {
  int status = 0;
  require(waitpid(start(words), &status, 0) > 0, "waitpid");
  require(WIFEXITED(status) && WEXITSTATUS(status) == 0, *words.begin());
}

/// One connection to memcached that asks and waits for the answer, again and again.
class Client {
 public:
  Client(unsigned number, in_addr server) : key_("key" + std::to_string(number)) {
    const sockaddr_in at = socket_address(server, kPort);
    // The daemon needs a moment until it listens.
    for (unsigned tries = 0; stream_ < 0; ++tries) {
      const int stream = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      if (connect(stream, reinterpret_cast<const sockaddr*>(&at), sizeof(at)) == 0) {
        stream_ = stream;
      } else {
        close(stream);
        require(tries < 1000, "connecting to memcached");
        usleep(20'000);
      }
    }
    const int on = 1;
    setsockopt(stream_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }

  Client(Client&& other) noexcept : key_(std::move(other.key_)), stream_(std::exchange(other.stream_, -1)) {}
  Client& operator=(Client&&) = delete;
  ~Client() {
    if (stream_ >= 0) {
      close(stream_);
    }
  }

  void ask(unsigned times) {
    const std::string store =
        "set " + key_ + " 0 0 " + std::to_string(kValue.size()) + "\r\n" + std::string(kValue) + "\r\n";
    const std::string fetch = "get " + key_ + "\r\n";
    for (unsigned number = 0; number < times; ++number) {
      if (number % kStoreEvery == 0) {
        exchange(store, "STORED\r\n");
      } else {
        exchange(fetch, "END\r\n");
      }
    }
  }

 private:
  void exchange(const std::string& request, std::string_view last_words) {
    require(write(stream_, request.data(), request.size()) == static_cast<ssize_t>(request.size()),
            "asking memcached");
    std::string answer;
    while (!answer.ends_with(last_words)) {
      std::array<char, 512> bytes{};
      const ssize_t got = read(stream_, bytes.data(), bytes.size());
      require(got > 0, "the answer of memcached");
      answer.append(bytes.data(), static_cast<std::size_t>(got));
    }
  }

  std::string key_;
  int stream_ = -1;
};

void ask_at_once(std::vector<Client>& clients, unsigned times) {
  std::vector<std::thread> threads;
  threads.reserve(clients.size());
  for (Client& client : clients) {
    threads.emplace_back([&client, times] { client.ask(times); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

std::vector<Client> clients_of(in_addr server) {
  std::vector<Client> clients;
  clients.reserve(kClients);
  for (unsigned number = 0; number < kClients; ++number) {
    clients.emplace_back(number, server);
  }
  return clients;
}

/// Has L1 ask, over the network, so many times.
void have_asked(int stream, std::uint32_t times) {
  require(write(stream, &times, sizeof(times)) == sizeof(times), "telling L1");
  require(recv(stream, &times, sizeof(times), MSG_WAITALL) == sizeof(times), "L1's answer");
}

void load_memcached() {
  const pid_t daemon = start({"/usr/bin/memcached", "-u", "root", "-l", "0.0.0.0", "-t", "2"});
  {
    std::vector<Client> clients = clients_of({htonl(INADDR_LOOPBACK)});
    ask_at_once(clients, kWarmRequests);
    measure(Load::kMemcached, [&] { ask_at_once(clients, kRequests); });
  }
  const int stream = connect_to_peer();
  have_asked(stream, kWarmRequests);
  measure(Load::kServed, [&] { have_asked(stream, kRequests); });
  close(stream);
  kill(daemon, SIGKILL);
  waitpid(daemon, nullptr, 0);
}

void serve(int stream, in_addr guest) {
  std::vector<Client> clients = clients_of(guest);
  std::uint32_t times = 0;
  while (recv(stream, &times, sizeof(times), MSG_WAITALL) == sizeof(times)) {
    ask_at_once(clients, times);
    require(write(stream, &times, sizeof(times)) == sizeof(times), "answering");
  }
}

/// A word that one thread of a pair sets and the other awaits, asleep.
class Turn {
 public:
  void give(std::uint32_t whose) {
    word_.store(whose);
    syscall(SYS_futex, &word_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  }
  void await(std::uint32_t whose) {
    for (std::uint32_t now = word_.load(); now != whose; now = word_.load()) {
      syscall(SYS_futex, &word_, FUTEX_WAIT_PRIVATE, now, nullptr, nullptr, 0);
    }
  }

 private:
  std::atomic<std::uint32_t> word_{0};
  static_assert(sizeof(word_) == sizeof(std::uint32_t));
};

/// Two threads of each pair wake each other up, wherever the kernel has them run.
void ping_pong(unsigned rounds) {
  std::array<Turn, kPairs> turns;
  std::vector<std::thread> threads;
  threads.reserve(2 * kPairs);
  for (unsigned number = 0; number < 2 * kPairs; ++number) {
    threads.emplace_back([&turns, number, rounds] {
      Turn& turn = turns[number / 2];
      const std::uint32_t self = number % 2;
      for (unsigned round = 0; round < rounds; ++round) {
        turn.await(self);
        turn.give(1 - self);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

/// What cyclictest measures: sleeps until a point of time, again and again; by how many nanoseconds each
/// ended late. Itself it wants a real-time class, which a sandbox's workload is not given.
std::vector<std::int64_t> sleep_by_the_clock(unsigned times) {
  std::vector<std::int64_t> late;
  late.reserve(times);
  timespec until{};
  clock_gettime(CLOCK_MONOTONIC, &until);
  for (unsigned number = 0; number < times; ++number) {
    until.tv_nsec += kSleepNs;
    if (until.tv_nsec >= kSecondNs) {
      until.tv_nsec -= kSecondNs;
      ++until.tv_sec;
    }
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    late.push_back((now.tv_sec - until.tv_sec) * kSecondNs + now.tv_nsec - until.tv_nsec);
  }
  return late;
}

/// exits_figures.py reads it.
void print_lateness(std::vector<std::int64_t> late) {
  std::sort(late.begin(), late.end());
  const auto at = [&](std::size_t percent) {
    return static_cast<long long>(late[(late.size() - 1) * percent / 100]);
  };
  std::printf("late: %lld %lld %lld %lld\n", at(0), at(50), at(99), at(100));
}

}  // namespace

int main(int count, char** words) {
  if (count > 1 && std::string_view(words[1]) == "serve") {
    serve_guests(serve);
  }
  load_memcached();
  sleep_by_the_clock(kWarmSleeps);
  std::vector<std::int64_t> late;
  measure(Load::kCyclic, [&] { late = sleep_by_the_clock(kSleeps); });
  print_lateness(std::move(late));
  // One group of five senders and five receivers, 400 messages from each to each.
  run({"/usr/bin/hackbench", "-g", "1", "-f", "5", "-l", "2"});
  measure(Load::kHackbench, [] { run({"/usr/bin/hackbench", "-g", "1", "-f", "5", "-l", "400"}); });
  ping_pong(kWarmRounds);
  measure(Load::kPingPong, [] { ping_pong(kRounds); });
  measure(Load::kIdle, [] { sleep(kIdleSeconds); });
  return 0;
}
