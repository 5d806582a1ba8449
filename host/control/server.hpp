// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <thread>
#include <vector>

#include <poll.h>

#include "base/fd.hpp"
#include "control/conversation.hpp"
#include "lease/socket.hpp"

namespace mayfly::control {

/// How much clients may cost, and how long they may take.
struct ServerRules {
  std::size_t clients_max = 32;
  /// Of them, that wait for the VM's end.
  std::size_t waiting_max = 16;
  /// Until a request is whole, since the last one was answered.
  std::uint64_t ask_within_ns = 30'000'000'000;
  /// Until an answer is taken.
  std::uint64_t take_within_ns = 5'000'000'000;
  /// The server's thread calls it first of all; may be null.
  void (*thread_starts)() noexcept = nullptr;
};

/// Serves a VM's control socket. Its thread starts with the first client: a VM that nobody asks has none.
/// Clients can be anything: who is too slow, in asking or in taking the answer, is dropped; further ones than
/// clients_max wait in the kernel's queue. Main thread, but for what says otherwise.
class Server {
 public:
  /// `vm` outlives this; it is asked by the server's thread.
  Server(lease::Listener listener, RunningVm& vm, const ServerRules& rules = {});
  /// As finish(), but who waits is not answered.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Readable when the first client is there; then start(). -1 after that.
  [[nodiscard]] int fd() const noexcept;
  /// Starts the thread. Where the host has none left, nobody will be served.
  void start() noexcept;
  /// When the socket goes, its file stays: this process cannot remove it any more.
  void leave_socket() noexcept {
    if (listener_) {
      listener_->leave();
    }
  }
  /// Removes the socket, answers who waits for the VM's end, and ends all connections. Once.
  void finish(int exit_status) noexcept;

 private:
  struct Client {
    Fd socket{};
    Conversation talk;
    std::uint64_t deadline_ns = 0;
  };

  void end(std::optional<int> exit_status) noexcept;
  void serve() noexcept;
  void wait_and_hear();
  void accept_all();
  /// False when the client is to be dropped.
  [[nodiscard]] bool hear(Client& client, short events);
  [[nodiscard]] bool receive(Client& client);
  [[nodiscard]] bool send(Client& client);
  void set_deadline(Client& client) const noexcept;
  void limit_waiting();
  [[nodiscard]] bool may_accept() const noexcept;

  std::optional<lease::Listener> listener_;
  RunningVm& vm_;
  ServerRules rules_;
  Fd stop_;
  std::atomic<bool> stopping_{false};
  std::optional<int> exit_status_;  // written before stopping_
  bool is_given_up_ = false;
  // Of the server's thread alone.
  std::list<Client> clients_;
  std::uint64_t accept_after_ns_ = 0;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace mayfly::control
