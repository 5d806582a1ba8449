// SPDX-License-Identifier: Apache-2.0
#include "control/server.hpp"

#include <chrono>
#include <filesystem>
#include <optional>

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/error.hpp"
#include "base/temporary_folder.hpp"
#include "control/client.hpp"
#include "control/control_fixture.hpp"
#include "control/socket_folder.hpp"

namespace mayfly::control {
namespace {

using namespace std::chrono_literals;
using testing::FakeVm;

constexpr lease::ServerName kName{"VM", "mayfly run"};

class ControlServer : public ::testing::Test {
 protected:
  ControlServer() { ::setenv("XDG_RUNTIME_DIR", root_.path().c_str(), 1); }
  ~ControlServer() override { ::unsetenv("XDG_RUNTIME_DIR"); }

  void start(const ServerRules& rules = {}) {
    server_.emplace(folder().claim("a"), vm_, rules);
    server_->start();
  }
  [[nodiscard]] SocketFolder folder() const { return {socket_folder(), SocketFolder::IfMissing::kMake}; }
  [[nodiscard]] Fd connect() const {
    Fd socket = lease::connect_to(folder().path_of("a"), kName, lease::SocketKind::kStream);
    const timeval patience{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    return socket;
  }
  static void send(const Fd& socket, std::string_view text) {
    ASSERT_EQ(::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  /// All that comes until the connection ends.
  static std::string receive_all(const Fd& socket) {
    std::string all;
    std::array<char, 4096> bytes{};
    ssize_t got = 0;
    while ((got = ::recv(socket.get(), bytes.data(), bytes.size(), 0)) > 0) {
      all.append(bytes.data(), static_cast<std::size_t>(got));
    }
    EXPECT_TRUE(got == 0 || errno != EAGAIN) << "the connection does not end";
    return all;
  }
  static std::string code_in(const std::string& line) {
    const auto response = parse_response(line);
    return response && response->refusal ? response->refusal->code : "";
  }

  mayfly::testing::TemporaryFolder root_;
  FakeVm vm_;
  std::optional<Server> server_;
};

TEST_F(ControlServer, HasNoThreadUntilTheFirstClientComes) {
  server_.emplace(folder().claim("a"), vm_);
  pollfd watched{server_->fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&watched, 1, 0), 0);
  Client client("a");
  EXPECT_EQ(::poll(&watched, 1, 20'000), 1);
  server_->start();
  EXPECT_EQ(server_->fd(), -1);
  EXPECT_TRUE(client.ask({.verb = Verb::kStatus}, 20s).value().status.has_value());
}

TEST_F(ControlServer, OneClientAsksAgainAndAgain) {
  start();
  Client client("a");
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(client.ask({.verb = Verb::kStatus}, 20s).value().status->id, "web-1");
  }
}

TEST_F(ControlServer, ManyClientsAskAtOnce) {
  start();
  std::vector<std::thread> threads;
  std::atomic<int> answered{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&answered] {
      for (int j = 0; j < 20; ++j) {
        Client client("a");
        answered += client.ask({.verb = Verb::kPause}, 20s).has_value() ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(answered, 160);
}

TEST_F(ControlServer, MoreClientsThanThereIsRoomForAreServedLater) {
  start({.clients_max = 2});
  std::vector<Fd> idle;
  idle.push_back(connect());
  idle.push_back(connect());
  Client third("a");
  EXPECT_EQ(third.ask({.verb = Verb::kStatus}, 200ms).error(), Silence::kTimeOut);
  idle.clear();
  EXPECT_TRUE(third.ask({.verb = Verb::kStatus}, 20s).has_value());
}

TEST_F(ControlServer, WhoWaitsHearsTheExitStatusWhenTheIdIsFreeAgain) {
  start({.waiting_max = 32});
  std::atomic<int> answered{0};
  std::vector<std::thread> all;
  for (int i = 0; i < 30; ++i) {
    all.emplace_back([&] {
      Client client("a");
      EXPECT_EQ(client.ask({.verb = Verb::kWait}, std::nullopt).value().exit_status, 7);
      EXPECT_FALSE(std::filesystem::exists(root_.path() / "mayfly/a.sock"));
      ++answered;
    });
  }
  // Long enough for all to be heard.
  std::this_thread::sleep_for(300ms);
  EXPECT_EQ(answered, 0);
  server_->finish(7);
  for (std::thread& each : all) {
    each.join();
  }
}

TEST_F(ControlServer, TooManyWhoWaitAreRefused) {
  start({.waiting_max = 1});
  Client first("a");
  EXPECT_EQ(first.ask({.verb = Verb::kWait}, 100ms).error(), Silence::kTimeOut);
  Client second("a");
  EXPECT_EQ(second.ask({.verb = Verb::kWait}, 20s).value().refusal->code, "busy");
  EXPECT_TRUE(second.ask({.verb = Verb::kStatus}, 20s).has_value());
}

TEST_F(ControlServer, WhoGoesWhileWaitingMakesRoom) {
  start({.waiting_max = 1});
  for (int i = 0; i < 3; ++i) {
    Client client("a");
    EXPECT_EQ(client.ask({.verb = Verb::kWait}, 100ms).error(), Silence::kTimeOut) << i;
  }
}

TEST_F(ControlServer, EndlessRequestIsRefusedAndTheConnectionEnds) {
  start();
  const Fd socket = connect();
  const std::string endless(1 << 20U, '[');
  (void)::send(socket.get(), endless.data(), endless.size(), MSG_NOSIGNAL);
  EXPECT_EQ(code_in(receive_all(socket)), "too-long");
  Client client("a");
  EXPECT_TRUE(client.ask({.verb = Verb::kStatus}, 20s).has_value());
}

TEST_F(ControlServer, WhoIsTooSlowToAskIsDropped) {
  start({.ask_within_ns = 50'000'000});
  const Fd silent = connect();
  const Fd half = connect();
  send(half, "{\"version\":1,");
  EXPECT_EQ(receive_all(silent), "");
  EXPECT_EQ(receive_all(half), "");
}

TEST_F(ControlServer, WhoNeverStopsDribblingIsDropped) {
  start({.ask_within_ns = 100'000'000});
  const Fd socket = connect();
  bool dropped = false;
  for (int i = 0; i < 1000 && !dropped; ++i) {
    dropped = ::send(socket.get(), " ", 1, MSG_NOSIGNAL) < 0;
    std::this_thread::sleep_for(2ms);
  }
  EXPECT_TRUE(dropped);
}

TEST_F(ControlServer, WhoTakesNoAnswerIsDroppedAndOthersAreServed) {
  start({.take_within_ns = 100'000'000});
  const Fd stuck = connect();
  const timeval soon{.tv_sec = 0, .tv_usec = 300'000};
  ::setsockopt(stuck.get(), SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof(soon));
  const std::string request = to_line(Request{.verb = Verb::kStatus});
  // Until our requests and its answers fill both buffers.
  int sent = 0;
  while (::send(stuck.get(), request.data(), request.size(), MSG_NOSIGNAL) > 0 && sent < 100'000) {
    ++sent;
  }
  Client client("a");
  EXPECT_TRUE(client.ask({.verb = Verb::kStatus}, 20s).has_value());
  std::this_thread::sleep_for(300ms);
  EXPECT_LT(::send(stuck.get(), request.data(), request.size(), MSG_NOSIGNAL | MSG_DONTWAIT), 0);
  EXPECT_EQ(errno, EPIPE);
}

TEST_F(ControlServer, WhoMayExecIsJoinedToTheAgent) {
  start();
  Client client("a");
  ASSERT_FALSE(client.ask({.verb = Verb::kExec}, 20s).value().refusal.has_value());
  const Fd stream = client.take_stream();
  send(stream, "for the agent");
  // The server's thread has handed it on before it hears the next one.
  Client other("a");
  ASSERT_TRUE(other.ask({.verb = Verb::kStatus}, 20s).has_value());
  server_->finish(0);
  ASSERT_EQ(vm_.joined.size(), 1U);
  std::array<char, 32> bytes{};
  const ssize_t got = ::recv(vm_.joined.front().get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  EXPECT_EQ(std::string_view(bytes.data(), static_cast<std::size_t>(got)), "for the agent");
  vm_.joined.clear();
  EXPECT_EQ(receive_all(stream), "");
}

TEST_F(ControlServer, WhoIsAnsweredMoreThanTheAnswerToExecDoesNotTakeIt) {
  const lease::Listener listener = folder().claim("a");
  Client client("a");
  const Fd vm = listener.accept();
  const std::string answer = to_line(Response{}) + "early";
  send(vm, answer);
  ASSERT_TRUE(client.ask({.verb = Verb::kExec}, 20s).has_value());
  EXPECT_THROW((void)client.take_stream(), Error);
}

TEST_F(ControlServer, EndDoesNotWaitForClients) {
  start();
  const Fd silent = connect();
  Client waits("a");
  EXPECT_EQ(waits.ask({.verb = Verb::kWait}, 50ms).error(), Silence::kTimeOut);
  server_.reset();
  EXPECT_EQ(receive_all(silent), "");
  EXPECT_TRUE(waits.wait_for_end(20s));
}

TEST_F(ControlServer, ClientOfNobodyIsToldWhatToDo) {
  const auto refusal = [](const std::string& id) {
    try {
      const Client client(id);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(refusal("none"), "no VM with the id 'none' is running; mayfly ps lists those that are");
  EXPECT_NE(refusal("../a").find("is no id of a VM"), std::string::npos);
}

}  // namespace
}  // namespace mayfly::control
