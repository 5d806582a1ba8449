// SPDX-License-Identifier: Apache-2.0
#include "guest-init/command.hpp"

#include <cerrno>

#include "guest-init/outbox.hpp"
#include "guest-init/signals.hpp"
#include "guest-init/stdio.hpp"
#include "guest-init/user.hpp"
#include "guest-init/workload.hpp"

namespace mayfly::init {
namespace {

/// In .bss: untouched pages are never made.
struct CommandStorage {
  Outbox outbox;
  User user;
  Text home;
};
CommandStorage command_storage;

void complete_environment(Request& request) noexcept {
  request.set_default("PATH", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  request.set_default("HOME",
                      command_storage.home.add("HOME=").add(command_storage.user.home.view()).c_str());
  if (request.terminal) {
    request.set_default("TERM", "TERM=xterm");
  }
}

}  // namespace

Step run_command(Channel& channel, Request& request, const Marks& marks, Remains remains,
                 protocol::ExitReport& report) noexcept {
  if (Step failed = resolve_user(request.user, AccountFiles{}, command_storage.user); failed) {
    return failed;
  }
  complete_environment(request);
  Stdio stdio;
  if (Step failed = open_stdio(request.terminal, command_storage.user, stdio); failed) {
    return failed;
  }
  const int child_watch = watch_children();
  if (child_watch < 0) {
    return setup_failure(errno, "watching for ended processes");
  }
  Workload workload;
  if (Step failed = workload.start(request, command_storage.user, stdio, marks); failed) {
    return failed;
  }
  stdio.close_workload_ends();
  static Session session(channel, command_storage.outbox, workload, stdio, marks, child_watch, remains);
  Step failed = session.run(report);
  if (failed) {
    workload.kill_remains();
  }
  return failed;
}

void send_exit(Channel& channel, protocol::ExitReport report, const Step& failed) noexcept {
  if (failed) {
    report = {failed->kind, static_cast<std::uint32_t>(failed->error)};
  }
  command_storage.outbox.add_exit(report, failed ? failed->text.view() : std::string_view());
  while (!send_pending(channel, command_storage.outbox) && !command_storage.outbox.pending().empty() &&
         channel.wait_writable()) {
  }
}

}  // namespace mayfly::init
