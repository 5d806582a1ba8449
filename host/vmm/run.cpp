// SPDX-License-Identifier: Apache-2.0
#include "vmm/run.hpp"

#include <atomic>
#include <exception>
#include <optional>
#include <string>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/say.hpp"
#include "control/vm_id.hpp"
#include "sandbox/inherited_files.hpp"
#include "sandbox/sandbox.hpp"
#include "vmm/console_output.hpp"
#include "vmm/control_point.hpp"
#include "vmm/device_files.hpp"
#include "vmm/disk.hpp"
#include "vmm/guest_ram.hpp"
#include "vmm/head_start.hpp"
#include "vmm/helper_processes.hpp"
#include "vmm/image.hpp"
#include "vmm/kernel_command_line.hpp"
#include "vmm/machine.hpp"
#include "vmm/net_ports.hpp"
#include "vmm/outcome.hpp"
#include "vmm/run_cgroup.hpp"
#include "vmm/run_facts.hpp"
#include "vmm/run_loop.hpp"
#include "vmm/session.hpp"
#include "vmm/session_launch.hpp"
#include "vmm/signals.hpp"
#include "vmm/terminal.hpp"
#include "vmm/timeline_file.hpp"
#include "vmm/vhost.hpp"
#include "vmm/vm_down.hpp"
#include "vmm/working_set_file.hpp"

namespace mayfly::vmm {
namespace {

/// Joins the session, which is there first, to the machine, whose console it wakes. Empty until the machine
/// stands and again before it goes.
class Waker {
 public:
  void connect(Machine& machine) noexcept { machine_.store(&machine, std::memory_order_release); }
  void wake() noexcept {
    if (Machine* machine = machine_.load(std::memory_order_acquire); machine != nullptr) {
      machine->wake_channel();
    }
  }

 private:
  std::atomic<Machine*> machine_{nullptr};
};

// When the map came to what; for a timeline.
void note(const vfio::DmaCounters& counts, boot::BootTimeline& timeline) {
  using boot::Milestone;
  const bool all_populated = counts.populated_bytes == counts.ram_bytes;
  for (const auto& [milestone, at] :
       {std::pair(Milestone::kPopulateBegin, counts.populate.begin_ns),
        std::pair(Milestone::kPopulateEnd, all_populated ? counts.populate.end_ns : 0),
        std::pair(Milestone::kDmaMapBegin, counts.map.begin_ns),
        std::pair(Milestone::kDmaSettled, counts.settled_ns),
        std::pair(Milestone::kDmaMapEnd, counts.all_mapped_ns)}) {
    if (at != 0) {
      timeline.note(milestone, at);
    }
  }
}

/// What is left of a run when its machine is gone.
struct Finished {
  Outcome outcome;
  /// Where it was to be noted and the guest was ready.
  std::optional<WorkingSet> touched;
  /// For the timeline, where one was asked for.
  std::optional<boot::RunFacts> facts;
};

/// What a run may have to wait for.
struct Taken {
  /// Nothing where no device is passed through.
  std::optional<DeviceFiles> device_files;
  GuestRam ram;
};

/// Devices first, for their broker may keep the memory. Throws Error, and EndedWaiting.
Taken take(const RunConfig& config, const StartWait& wait) {
  std::optional<DeviceFiles> device_files;
  std::optional<broker::KeptMemory> kept;
  if (!config.devices.empty()) {
    device_files = take_device_files(config.devices, {config.memory_bytes, config.pages}, wait);
    kept = std::exchange(device_files->lease.memory, std::nullopt);
  }
  GuestRam ram = take_ram(config, std::move(kept), wait);
  return {std::move(device_files), std::move(ram)};
}

/// What run() has opened for the machine.
struct Opened {
  const RunConfig& config;
  HeadStart& ahead;
  GuestRam ram;
  std::optional<DeviceFiles> device_files;
  const Image& image;
  const WorkingSetFile* working_set;
  Signals& signals;
  const Terminal* terminal;
  const std::optional<LaunchTerminal>& launch_terminal;
  ControlPoint& control;
  const HelperProcesses& helpers;
  sandbox::Sandbox& sandbox;
};

/// The descriptors that the paths of `config` name.
std::vector<int> named_descriptors(const RunConfig& config) {
  std::vector<int> named;
  std::vector<const std::string*> paths{&config.image, &config.kernel, &config.timeline, &config.console.path,
                                        &config.pool};
  for (const DiskDevice& disk : config.disks) {
    paths.push_back(&disk.path);
  }
  for (const std::string* path : paths) {
    if (const auto number = sandbox::descriptor_named_by(*path);
        number.has_value() && *number > STDERR_FILENO) {
      named.push_back(*number);
    }
  }
  return named;
}

sandbox::Needs needs_of(const RunConfig& config) {
  // 64 vCPUs and their counters, 32 clients of the control socket, and 96 for all else. A device has an
  // eventfd for each of its interrupts.
  constexpr std::uint32_t kFilesMax = 256;
  const bool has_devices = !config.devices.empty();
  // A tap's descriptor, two doorbells, two timers; or with vhost itself, a turn's and six events; of its
  // thread two more.
  constexpr std::size_t kFilesOfAQueue = 11;
  std::size_t of_queues = 0;
  for (const NetDevice& network : config.networks) {
    of_queues += kFilesOfAQueue * (network.queues - 1);
  }
  const std::uint32_t of_sockets = config.sockets.has_value() ? vsock::Clients::kFilesMax : 0;
  return {.pins_memory = has_devices,
          .knows_other_users = has_devices || !config.pool.empty(),
          .files_max = has_devices ? 0 : kFilesMax + of_sockets + static_cast<std::uint32_t>(of_queues),
          .closed_at_the_end = named_descriptors(config)};
}

/// CLOCK_MONOTONIC; 0: none.
std::uint64_t deadline_of(const RunConfig& config, const boot::BootTimeline& timeline) noexcept {
  return config.timeout_ns == 0 ? 0 : timeline.exec_ns() + config.timeout_ns;
}

/// Builds the machine, runs it to its end and takes it down.
Finished run_machine(Opened opened, boot::BootTimeline& timeline) {
  const RunConfig& config = opened.config;
  timeline.mark(boot::Milestone::kOpened);
  const bool timed = !config.timeline.empty();
  VmDown down;
  Waker waker;
  ConsoleOutput console(config.console);
  Session session(make_launch(config, opened.image.launch(), opened.launch_terminal),
                  {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, opened.control.log()},
                  [&waker] { waker.wake(); });
  ReadyObserver* const ready_observer = config.listeners.empty() ? nullptr : &opened.control.lifecycle();
  auto ports = open_ports(config.networks, opened.helpers.passt.get());
  const bool by_vhost = config.sockets.has_value() && config.sockets->by_vhost;
  Fd vhost_sockets = by_vhost ? Vhost::open(Vhost::kVsock) : Fd();
  opened.sandbox.leave_network();
  const auto stores = open_disks(config.disks);
  Machine machine({.ram = std::move(opened.ram),
                   .prefault = config.prefault,
                   .working_set = opened.working_set,
                   .balloon_bytes = config.balloon_bytes,
                   .cpus = config.cpus,
                   .own_cpus = config.own_cpus,
                   .placement = config.placement,
                   .ahead = opened.ahead,
                   .image = opened.image,
                   .devices = config.devices,
                   .device_files = std::move(opened.device_files),
                   .ports = ports,
                   .networks = config.networks,
                   .stores = stores,
                   .disks = config.disks,
                   .sockets = config.sockets,
                   .vhost_sockets = std::move(vhost_sockets),
                   .connector = opened.helpers.connector.get(),
                   .dma_window_bytes = config.dma_window_bytes,
                   .command_line = kernel_command_line(config, opened.image.info().file_system, guest_tsc()),
                   .console = console,
                   .channel = session,
                   .down = down,
                   .timeline = timeline,
                   .at_ready = config.until_ready ? AtReady::kStop : AtReady::kGoOn,
                   .ready_observer = ready_observer,
                   .sample_marks = timed ? SampleMarks::kYes : SampleMarks::kNo});
  waker.connect(machine);
  opened.helpers.wait_until_up();  // meanwhile they have had time to start
  machine.start_devices();
  opened.sandbox.leave_files();
  machine.wait_for_kernel();
  if (!opened.sandbox.lock_down(opened.control.folder())) {
    opened.control.leave_socket();
  }
  machine.start();
  struct DetachControl {
    ControlPoint& control;
    ~DetachControl() { control.machine_ends(); }
  };
  const DetachControl on_every_way_out{opened.control};
  opened.control.machine_runs(machine);
  const vfio::DeviceWatch* const watch = machine.device_watch();
  Finished finished{run_loop({session, opened.signals, down, opened.terminal, deadline_of(config, timeline),
                              watch == nullptr ? -1 : watch->fd(), &opened.control.requests(),
                              &opened.control, machine.recorder()}),
                    std::nullopt, std::nullopt};
  opened.control.machine_ends();
  if (finished.outcome.kind == OutcomeKind::kDmaMapFailed) {
    finished.outcome.sentence = machine.passthrough()->describe_failure();
  }
  if (finished.outcome.kind == OutcomeKind::kDeviceLost) {
    finished.outcome.sentence = watch->describe();
  }
  const auto at_end = machine.sample(timeline.mark(boot::Milestone::kEnded));
  const auto at_down = machine.sample(machine.stop());
  finished.touched = machine.touched();
  if (timed) {
    finished.facts = facts_of(machine, finished.outcome);
    if (machine.passthrough() != nullptr) {
      note(machine.passthrough()->counters(), timeline);
    }
    for (const auto& sample : {at_end, at_down}) {
      finished.facts->samples.push_back(sample.value());
    }
    timeline.mark(boot::Milestone::kFactsRead);
  }
  return finished;
}

/// All of a run that others know of by its id.
Outcome run_to_its_end(const RunConfig& config, HeadStart& ahead, Signals& signals, ControlPoint& control,
                       const HelperProcesses& helpers, sandbox::Sandbox& sandbox,
                       boot::BootTimeline& timeline) {
  const std::optional<TimelineFile> timeline_file = TimelineFile::open(config.timeline);
  const Image image(config.image, config.image_check);
  std::optional<WorkingSetFile> working_set;
  if (config.prefault == PrefaultMode::kBoot) {
    working_set.emplace(config.image, WorkingSetKey::of(image.info().fs_digest, config.kernel,
                                                        config.memory_bytes, config.cpus));
  }
  std::optional<Taken> taken;
  try {
    taken = take(config, {signals, &control.requests(), deadline_of(config, timeline), warn});
  } catch (const EndedWaiting& ended) {
    say(Severity::kError, ended.outcome.sentence);
    return ended.outcome;
  }
  std::optional<Terminal> terminal;
  std::optional<LaunchTerminal> launch_terminal;
  if (is_terminal(STDIN_FILENO, STDOUT_FILENO)) {
    terminal.emplace(STDIN_FILENO);
    launch_terminal = callers_terminal(*terminal);
  }
  Finished finished =
      run_machine({config, ahead, std::move(taken->ram), std::move(taken->device_files), image,
                   working_set.has_value() ? &*working_set : nullptr, signals,
                   terminal.has_value() ? &*terminal : nullptr, launch_terminal, control, helpers, sandbox},
                  timeline);
  timeline.mark(boot::Milestone::kTornDown);

  terminal.reset();
  if (!finished.outcome.sentence.empty()) {
    say(Severity::kError, finished.outcome.sentence);
  }
  if (finished.touched.has_value()) {
    working_set->write(*finished.touched);
  }
  if (timeline_file.has_value()) {
    timeline_file->write(boot::to_json(timeline.report(*std::move(finished.facts))));
  }
  return finished.outcome;
}

}  // namespace

void close_inherited_files(const RunConfig& config) {
  if (config.sandbox == sandbox::Mode::kOff) {
    return;
  }
  std::vector<int> kept = named_descriptors(config);
  for (const PassedDevice& device : config.devices) {
    if (const auto* const files = std::get_if<vfio::GivenFiles>(&device.opener)) {
      kept.insert(kept.end(), {files->space, files->device});
    }
  }
  for (const NetDevice& network : config.networks) {
    kept.insert(kept.end(), network.descriptors.begin(), network.descriptors.end());
  }
  kept.insert(kept.end(), config.listeners.begin(), config.listeners.end());
  sandbox::close_all_but(std::move(kept));
}

int run(const RunConfig& config, boot::BootTimeline& timeline) {
  require_given(config.devices);
  std::string id = config.id.empty() ? control::random_vm_id() : config.id;
  speak_of(id);
  if (config.cgroup.has_value()) {
    enter_own_cgroup(*config.cgroup, id, config.keeps_log);
  }
  const HelperProcesses helpers(config);
  sandbox::Sandbox sandbox(config.sandbox, needs_of(config));
  Signals signals;
  HeadStart ahead(config.kernel, config.cpus, timeline);
  ControlPoint control(config, std::move(id), timeline);
  control.lifecycle().starting();
  try {
    const Outcome outcome = run_to_its_end(config, ahead, signals, control, helpers, sandbox, timeline);
    control.lifecycle().ended(outcome);
    control.finish(exit_status(outcome));
    return exit_status(outcome);
  } catch (const std::exception& error) {
    control.lifecycle().failed(error.what());
    tell_hearer(Severity::kError, error.what());  // stderr, which main tells, may be nobody's by now
    throw;
  }
}

}  // namespace mayfly::vmm
