// SPDX-License-Identifier: Apache-2.0
#include "guest-init/agent.hpp"

#include <cerrno>
#include <csignal>
#include <ctime>

#include <linux/vm_sockets.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guest-init/channel.hpp"
#include "guest-init/command.hpp"
#include "guest-init/marks.hpp"

namespace mayfly::init {
namespace {

/// Connections that wait until the agent takes them: all that mayfly lets come, since the kernel refuses
/// others.
constexpr int kBacklog = 256;
/// Until the agent tries again, when the guest has no memory or descriptor left for one.
constexpr long kRetryNs = 10'000'000;

/// Of the processes of commands. In .bss.
RequestStorage command_request;

void handle_signal(int number, void (*handler)(int)) noexcept {
  struct sigaction action {};
  action.sa_handler = handler;
  sigaction(number, &action, nullptr);
}

/// The process of one command.
[[noreturn]] void serve_command(int connection, const Request& first) noexcept {
  handle_signal(SIGCHLD, SIG_DFL);
  // A handler, which unlike ignoring is not inherited by the command: its own stdin may have no reader.
  handle_signal(SIGPIPE, [](int) {});
  Channel channel(connection);
  Request request;
  protocol::ExitReport report{};
  Step failed = receive_request(channel, command_request, request);
  if (!failed) {
    failed = inherit(first, command_request, request);
  }
  if (!failed) {
    failed = run_command(channel, request, Marks(-1), Remains::kLeft, report);
  }
  send_exit(channel, report, failed);
  _exit(0);
}

/// The next connection; -1 when there is none now.
[[nodiscard]] int accept_from_host(int listener) noexcept {
  sockaddr_vm peer{};
  socklen_t bytes = sizeof(peer);
  // Safe: the kernel writes no more than `bytes`, and the family first.
  const int connection =
      accept4(listener, reinterpret_cast<sockaddr*>(&peer), &bytes, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (connection < 0) {
    if (errno != EINTR && errno != ECONNABORTED) {
      const timespec pause{.tv_sec = 0, .tv_nsec = kRetryNs};
      nanosleep(&pause, nullptr);
    }
    return -1;
  }
  // A kernel with loopback for such sockets would let the guest's own processes in, of any user.
  if (peer.svm_family == AF_VSOCK && peer.svm_cid != VMADDR_CID_HOST) {
    close(connection);
    return -1;
  }
  return connection;
}

[[nodiscard]] Step listen_on(std::uint32_t port, int& listener) noexcept {
  listener = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_vm address{};
  address.svm_family = AF_VSOCK;
  address.svm_cid = VMADDR_CID_ANY;
  address.svm_port = port;
  // Safe: what bind() takes of this family.
  if (listener < 0 || bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(listener, kBacklog) != 0) {
    return setup_failure(errno, "listening for commands of the host");
  }
  return std::nullopt;
}

}  // namespace

void serve_commands(int listener, const Request& first) noexcept {
  handle_signal(SIGCHLD, SIG_IGN);  // Nobody waits for the processes of commands.
  for (;;) {
    const int connection = accept_from_host(listener);
    if (connection < 0) {
      continue;
    }
    const pid_t process = fork();
    if (process == 0) {
      close(listener);
      serve_command(connection, first);
    }
    if (process < 0) {
      Channel channel(connection);
      send_exit(channel, {}, setup_failure(errno, "making the command's process"));
    }
    close(connection);
  }
}

Step start_agent(std::uint32_t port, const Request& first) noexcept {
  int listener = -1;
  if (Step failed = listen_on(port, listener); failed) {
    // A kernel without such sockets runs the workload all the same.
    return failed->error == EAFNOSUPPORT ? std::nullopt : failed;
  }
  const pid_t process = fork();
  if (process == 0) {
    serve_commands(listener, first);
  }
  if (process < 0) {
    return setup_failure(errno, "making the agent's process");
  }
  close(listener);
  return std::nullopt;
}

}  // namespace mayfly::init
