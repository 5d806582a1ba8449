// SPDX-License-Identifier: Apache-2.0
#include "guest-init/stdio.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

namespace mayfly::init {
namespace {

[[nodiscard]] Step open_pipes(Stdio& stdio) noexcept {
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  std::array<int, 2> err{};
  // Only init's writing end is non-blocking: it reads when poll() has said so, and the workload's ends shall
  // block.
  if (pipe2(in.data(), O_CLOEXEC) != 0 || pipe2(out.data(), O_CLOEXEC) != 0 ||
      pipe2(err.data(), O_CLOEXEC) != 0 || fcntl(in[1], F_SETFL, O_WRONLY | O_NONBLOCK) != 0) {
    return setup_failure(errno, "making the pipes of stdin, stdout and stderr");
  }
  stdio.input = in[1];
  stdio.output = {out[0], err[0]};
  stdio.workload = {in[0], out[1], err[1]};
  return std::nullopt;
}

[[nodiscard]] Step open_terminal(protocol::TerminalSize size, Stdio& stdio) noexcept {
  const int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  int locked = 0;
  if (master < 0 || ioctl(master, TIOCSPTLCK, &locked) != 0) {
    return setup_failure(errno, "making a terminal");
  }
  const int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave < 0) {
    return setup_failure(errno, "opening the terminal");
  }
  resize_terminal(master, size);
  stdio.kind = Stdio::Kind::kTerminal;
  stdio.input = master;
  stdio.output = {master, -1};
  stdio.workload = {slave, slave, slave};
  return std::nullopt;
}

}  // namespace

void Stdio::close_workload_ends() noexcept {
  const std::size_t distinct = kind == Kind::kTerminal ? 1 : workload.size();
  for (std::size_t i = 0; i < distinct; ++i) {
    close(workload[i]);
  }
  workload.fill(-1);
}

Step open_stdio(const std::optional<protocol::TerminalSize>& terminal, const User& user,
                Stdio& stdio) noexcept {
  if (Step failed = terminal ? open_terminal(*terminal, stdio) : open_pipes(stdio); failed) {
    return failed;
  }
  for (const int descriptor : stdio.workload) {
    if (user.uid != 0 && fchown(descriptor, user.uid, static_cast<gid_t>(-1)) != 0) {
      return setup_failure(errno, "giving stdio to the user");
    }
  }
  return std::nullopt;
}

void resize_terminal(int master, protocol::TerminalSize size) noexcept {
  winsize window{};
  window.ws_row = size.rows;
  window.ws_col = size.columns;
  ioctl(master, TIOCSWINSZ, &window);
}

void end_terminal_input(int master, char last) noexcept {
  termios settings{};
  if (tcgetattr(master, &settings) != 0 || (settings.c_lflag & ICANON) == 0) {
    return;
  }
  const std::array<cc_t, 2> ends{settings.c_cc[VEOF], settings.c_cc[VEOF]};
  [[maybe_unused]] const ssize_t written = write(master, ends.data(), last == '\n' ? 1 : 2);
}

}  // namespace mayfly::init
