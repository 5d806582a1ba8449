// SPDX-License-Identifier: Apache-2.0
/// mayfly-init: PID 1 of the guest. From the kernel's hand-over to the workload, and from its end to
/// power-off.
#include <cerrno>

#include <sys/stat.h>

#include "guest-init/channel.hpp"
#include "guest-init/disks.hpp"
#include "guest-init/failure.hpp"
#include "guest-init/marks.hpp"
#include "guest-init/mounts.hpp"
#include "guest-init/network.hpp"
#include "guest-init/outbox.hpp"
#include "guest-init/overlay.hpp"
#include "guest-init/power.hpp"
#include "guest-init/request.hpp"
#include "guest-init/session.hpp"
#include "guest-init/signals.hpp"
#include "guest-init/stdio.hpp"
#include "guest-init/user.hpp"
#include "guest-init/workload.hpp"

namespace mayfly::init {
namespace {

/// All memory that init uses beside its stack. In .bss: untouched pages are never made.
struct Storage {
  RequestStorage request;
  Outbox outbox;
  User user;
  Text home;
};
Storage storage;

constexpr mode_t kWorkloadUmask = 022;

[[nodiscard]] Marks start_marks(Step& failed) noexcept {
  int port = open_mark_port();
  if (port < 0) {
    failed = mount_devices();
    port = open_mark_port();
  }
  const Marks marks(port);
  marks.write(protocol::Mark::kInitStarted);
  return marks;
}

[[nodiscard]] Step prepare_system() noexcept {
  umask(0);  // The modes of this program are meant as they stand.
  RootOrigin origin{};
  Step failed = enter_overlay(origin);
  if (!failed) {
    failed = mount_system();
  }
  if (!failed) {
    failed = show_lower_root(origin);
  }
  umask(kWorkloadUmask);
  return failed ? failed : raise_loopback();
}

/// Adds the variables that every program may expect.
void complete_environment(Request& request) noexcept {
  request.set_default("PATH", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  request.set_default("HOME", storage.home.add("HOME=").add(storage.user.home.view()).c_str());
  if (request.terminal) {
    request.set_default("TERM", "TERM=xterm");
  }
}

[[nodiscard]] Step run_request(Channel& channel, const Marks& marks, Request& request,
                               protocol::ExitReport& report) noexcept {
  if (Step failed = set_host_name(request.hostname); failed) {
    return failed;
  }
  if (Step failed = set_up_networks(std::span(request.networks).first(request.network_count)); failed) {
    return failed;
  }
  if (Step failed = set_nameservers(std::span(request.nameservers).first(request.nameserver_count)); failed) {
    return failed;
  }
  if (Step failed = resolve_user(request.user, AccountFiles{}, storage.user); failed) {
    return failed;
  }
  complete_environment(request);
  Stdio stdio;
  if (Step failed = open_stdio(request.terminal, storage.user, stdio); failed) {
    return failed;
  }
  const int child_watch = watch_children();
  if (child_watch < 0) {
    return setup_failure(errno, "watching for ended processes");
  }
  Workload workload;
  if (Step failed = workload.start(request, storage.user, stdio, marks); failed) {
    return failed;
  }
  stdio.close_workload_ends();
  static Session session(channel, storage.outbox, workload, stdio, marks, child_watch);
  return session.run(report);
}

[[nodiscard]] Step run_workload(Channel& channel, const Marks& marks, protocol::ExitReport& report) noexcept {
  Request request;
  if (Step failed = receive_request(channel, storage.request, request); failed) {
    return failed;
  }
  const std::span<const Mount> mounts = std::span(request.mounts).first(request.mount_count);
  Step failed = mount_disks(mounts);
  if (!failed) {
    failed = run_request(channel, marks, request, report);
  }
  // Before the host hears of the end, which ends the VM.
  unmount_disks(mounts);
  return failed;
}

/// Sends the last frame and what stands before it. A host that is gone ends the wait.
void send_exit(Channel& channel, protocol::ExitReport report, std::string_view message) noexcept {
  storage.outbox.add_exit(report, message);
  while (!send_pending(channel, storage.outbox) && !storage.outbox.pending().empty() &&
         channel.wait_writable()) {
  }
}

[[noreturn]] void boot() noexcept {
  Channel channel;
  Step failed;
  protocol::ExitReport report{};
  const Marks marks = start_marks(failed);
  if (!failed) {
    failed = prepare_system();
  }
  // The channel is wanted for the report of a failure, too.
  const Step unopened = channel.open();
  if (!failed) {
    failed = unopened ? unopened : run_workload(channel, marks, report);
  }
  if (failed) {
    report = {failed->kind, static_cast<std::uint32_t>(failed->error)};
    if (failed->kind == protocol::ExitKind::kSetupFailed) {
      tell_console(*failed);
    }
  }
  if (channel.is_open()) {
    send_exit(channel, report, failed ? failed->text.view() : std::string_view());
  }
  power_off();
}

}  // namespace
}  // namespace mayfly::init

int main() { mayfly::init::boot(); }
