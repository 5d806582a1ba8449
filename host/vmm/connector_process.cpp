// SPDX-License-Identifier: Apache-2.0
#include "vmm/connector_process.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/pidfd.hpp"
#include "sandbox/connector_filter.hpp"
#include "sandbox/inherited_files.hpp"

namespace mayfly::vmm {
namespace {

/// Away from the caller's terminal, job and pipes, so that it outlives mayfly by as much as it needs to
/// remove a file, whatever the others are sent. It is told of mayfly's end by its channel alone, which nobody
/// else has the other end of.
void detach() noexcept {
  ::setsid();
  for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE}) {
    static_cast<void>(std::signal(number, SIG_IGN));
  }
  static_cast<void>(::prctl(PR_SET_NAME, "mayfly-connect", 0UL, 0UL, 0UL));
  // Whatever it opens is not to be taken for stdio.
  const Fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (int number = STDIN_FILENO; number <= STDERR_FILENO; ++number) {
    static_cast<void>(::dup2(nothing.get(), number));
  }
}

/// Where `path` lies.
Fd folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return Fd(::open(folder.empty() ? "." : folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

/// All that the process does.
void serve(Fd channel, lease::Listener listener, const std::string& path, sandbox::Mode mode) noexcept {
  detach();
  sandbox::close_all_but({channel.get(), listener.fd()});
  int error = 0;
  {
    const Fd folder = folder_of(path);
    error = folder ? sandbox::confine_connector(mode, folder.get()) : errno;
  }
  const bool is_told = lease::send_packet(channel.get(), std::as_bytes(std::span(&error, 1)));
  while (is_told && error == 0 && vsock::serve_connect(channel.get(), path)) {
  }
  // The listener goes and with it what is at the path: before others see that nobody listens there.
}

}  // namespace

ConnectorProcess::ConnectorProcess(const std::string& path, sandbox::Mode mode)
    : listener_(path, lease::SocketKind::kStream) {
  std::array<int, 2> both{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, both.data()) != 0) {
    fail_errno("--vsock: cannot make a pair of sockets");
  }
  channel_ = Fd(both[0]);
  Fd others(both[1]);
  process_ = ::fork();
  if (process_ < 0) {
    fail_errno("--vsock: cannot start the process that connects for the guest");
  }
  if (process_ == 0) {
    serve(std::move(others), std::move(listener_), path, mode);
    ::_exit(0);
  }
  listener_.leave();
  end_ = open_pidfd(process_);
}

vsock::Connector ConnectorProcess::take_connector() {
  int error = 0;
  if (::recv(channel_.get(), &error, sizeof(error), 0) != static_cast<ssize_t>(sizeof(error))) {
    throw Error("--vsock: the process that connects for the guest has ended");
  }
  if (error != 0) {
    throw Error(error,
                "--vsock: the host does not let the process that connects for the guest confine itself; "
                "--sandbox off does without");
  }
  return vsock::Connector(std::move(channel_));
}

ConnectorProcess::~ConnectorProcess() {
  channel_ = Fd();
  await_end(end_);
}

}  // namespace mayfly::vmm
