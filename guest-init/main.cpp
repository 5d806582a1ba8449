// SPDX-License-Identifier: Apache-2.0
/// mayfly-init: PID 1 of the guest. From the kernel's hand-over to the workload, and from its end to
/// power-off.
#include <cerrno>

#include <sys/stat.h>

#include "guest-init/agent.hpp"
#include "guest-init/channel.hpp"
#include "guest-init/command.hpp"
#include "guest-init/disks.hpp"
#include "guest-init/failure.hpp"
#include "guest-init/marks.hpp"
#include "guest-init/modules.hpp"
#include "guest-init/mounts.hpp"
#include "guest-init/network.hpp"
#include "guest-init/overlay.hpp"
#include "guest-init/power.hpp"
#include "guest-init/request.hpp"

namespace mayfly::init {
namespace {

/// In .bss: untouched pages are never made.
RequestStorage request_storage;

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

[[nodiscard]] Step run_request(Channel& channel, const Marks& marks, Request& request,
                               protocol::ExitReport& report) noexcept {
  if (Step failed = set_host_name(request.hostname); failed) {
    return failed;
  }
  Names names{.servers = request.nameservers,
              .server_count = request.nameserver_count,
              .are_given = request.nameserver_count != 0};
  if (Step failed = set_up_networks(std::span(request.networks).first(request.network_count), names);
      failed) {
    return failed;
  }
  if (Step failed = set_names(names); failed) {
    return failed;
  }
  if (request.agent_port != 0) {
    if (Step failed = start_agent(request.agent_port, request); failed) {
      return failed;
    }
  }
  return run_command(channel, request, marks, Remains::kKilled, report);
}

[[nodiscard]] Step run_workload(Channel& channel, const Marks& marks, protocol::ExitReport& report) noexcept {
  Request request;
  if (Step failed = receive_request(channel, request_storage, request); failed) {
    return failed;
  }
  if (Step failed = load_modules(std::span(request.modules).first(request.module_count)); failed) {
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
  if (failed && failed->kind == protocol::ExitKind::kSetupFailed) {
    tell_console(*failed);
  }
  if (channel.is_open()) {
    send_exit(channel, report, failed);
  }
  power_off();
}

}  // namespace
}  // namespace mayfly::init

int main() { mayfly::init::boot(); }
