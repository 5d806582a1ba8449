// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <exception>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include <fcntl.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/say.hpp"
#include "boot/exec_time.hpp"
#include "boot/timeline.hpp"
#include "cli/boot.hpp"
#include "cli/command_line.hpp"
#include "cli/completion.hpp"
#include "cli/control_command.hpp"
#include "cli/dedicated_cpus.hpp"
#include "cli/detach.hpp"
#include "cli/doctor_command.hpp"
#include "cli/draw_timeline.hpp"
#include "cli/exits_command.hpp"
#include "cli/host_nodes.hpp"
#include "cli/kernel_path.hpp"
#include "cli/print.hpp"
#include "cli/run_options.hpp"
#include "vmm/exec.hpp"
#include "vmm/outcome.hpp"
#include "vmm/run.hpp"

namespace mayfly::cli {
namespace {

// A descriptor of the VM must not become 0, 1 or 2 and get the workload's output.
void fill_stdio() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) < 0 && ::open("/dev/null", O_RDWR) != fd) {
      fail_errno("cannot open /dev/null in place of a closed stdin, stdout or stderr");
    }
  }
}

int print_all(std::string_view text) {
  print(text);
  return EXIT_SUCCESS;
}

struct Dispatch {
  boot::BootTimeline& timeline;

  int operator()(RunOptions& options) const {
    vmm::RunConfig config = check_run_options(std::move(options));
    if (config.kernel.empty()) {
      config.kernel = default_kernel(std::getenv("MAYFLY_KERNEL"), executable_path());
    }
    speak_of(config.id);
    vmm::close_inherited_files(config);
    if (config.keeps_log) {
      if (const std::optional<int> status = detach(config)) {
        return *status;
      }
    }
    const vmm::CpuClaims claims = claim_dedicated(config, "");
    config.own_cpus = claims.cpus();
    config.placement = place_on_nodes(config, "");
    timeline.mark(boot::Milestone::kOptions);
    return vmm::run(config, timeline);
  }
  int operator()(BootOptions& options) const {
    return boot_many(check_boot_options(std::move(options)), executable_path());
  }
  int operator()(const DeviceCommand& command) const {
    return print_all(run_device_command(command, vfio::HostPci()));
  }
  int operator()(const ServeCommand& command) const {
    serve_devices(command, vfio::HostPci());
    return EXIT_SUCCESS;
  }
  int operator()(const PoolCommand& command) const {
    keep_pool(command);
    return EXIT_SUCCESS;
  }
  int operator()(const PoolStatusCommand& command) const { return print_all(pool_status(command)); }
  int operator()(const DoctorCommand& command) const {
    const Diagnosis diagnosis = run_doctor(command);
    print(diagnosis.text);
    return diagnosis.run_works ? EXIT_SUCCESS : EXIT_FAILURE;
  }
  int operator()(const ExitsCommand& command) const {
    show_exits(command);
    return EXIT_SUCCESS;
  }
  int operator()(const ExitsCompareCommand& command) const { return print_all(compare_exits(command)); }
  int operator()(const TimelineCommand& command) const {
    return print_all(draw_timeline(command.path, command.form));
  }
  int operator()(const ControlCommand& command) const { return run_control_command(command); }
  int operator()(const LogsCommand& command) const {
    print_log(command);
    return EXIT_SUCCESS;
  }
  int operator()(const vmm::ExecConfig& config) const {
    speak_of(config.id);
    return vmm::exec(config);
  }
  int operator()(const CompletionCommand&) const { return print_all(bash_completion()); }
  int operator()(const PrintCommand& command) const { return print_all(command.text); }
};

int run_main(std::span<const char* const> arguments, boot::BootTimeline& timeline) noexcept {
  try {
    fill_stdio();
    Command command = parse_command_line(arguments);
    return std::visit(Dispatch{timeline}, command);
  } catch (const std::exception& error) {
    say(Severity::kError, error.what());
    return vmm::kOwnFailure;
  }
}

}  // namespace
}  // namespace mayfly::cli

int main(int argc, char** argv) {
  // First of all: what is told of exec ages.
  mayfly::boot::BootTimeline timeline(mayfly::boot::exec_time(std::getenv("MAYFLY_EXEC_NS")));
  timeline.mark(mayfly::boot::Milestone::kMain);
  // argc may be 0 (execve allows it).
  return mayfly::cli::run_main({argv + (argc > 0 ? 1 : 0), argv + argc}, timeline);
}
