// SPDX-License-Identifier: Apache-2.0
#include "vmm/run_control.hpp"

#include <string>
#include <utility>

#include <unistd.h>

#include "base/checked.hpp"
#include "base/clock.hpp"

namespace mayfly::vmm {
namespace {

using control::Refusal;
using control::Status;

tl::unexpected<Refusal> refuse(std::string code, std::string message) {
  return unexpected(Refusal{std::move(code), std::move(message)});
}

tl::unexpected<Refusal> refuse_ending() { return refuse("ending", "the VM is ending"); }

}  // namespace

void RunControl::attach(Machine& machine) {
  const std::lock_guard lock(mutex_);
  machine_ = &machine;
}

void RunControl::detach() noexcept {
  const std::lock_guard lock(mutex_);
  machine_ = nullptr;
}

control::State RunControl::state() const noexcept {
  if (machine_ == nullptr) {
    return control::State::kEnding;
  }
  if (paused_) {
    return control::State::kPaused;
  }
  return timeline_.reached(boot::Milestone::kReady) ? control::State::kRunning : control::State::kStarting;
}

Status RunControl::status() {
  const std::lock_guard lock(mutex_);
  Status status{.id = id_,
                .pid = ::getpid(),
                .state = state(),
                .uptime_ns = monotonic_ns() - timeline_.exec_ns(),
                .ready_ns = timeline_.time_of(boot::Milestone::kReady),
                .image = config_.image,
                .cpus = config_.cpus,
                .memory_bytes = config_.memory_bytes};
  for (const PassedDevice& device : config_.devices) {
    status.devices.push_back(vfio::to_string(device.address));
  }
  if (machine_ != nullptr) {
    add_machine(status);
  }
  return status;
}

void RunControl::add_machine(Status& status) const {
  const Machine& machine = *machine_;
  status.pages = name(machine.pages());
  status.populated_bytes = machine.populated();
  if (const virtio::Balloon* const balloon = machine.balloon()) {
    status.balloon = {.held_bytes = balloon->counts().held_bytes, .target_bytes = balloon->target_bytes()};
  }
  if (const Passthrough* const passthrough = machine.passthrough()) {
    const vfio::DmaCounters counters = passthrough->counters();
    status.dma = {.ram_bytes = counters.ram_bytes,
                  .populated_bytes = counters.populated_bytes,
                  .mapped_bytes = counters.mapped_bytes,
                  .held_bytes = counters.held_bytes,
                  .failure = passthrough->has_failed() ? passthrough->describe_failure() : ""};
  }
  if (const Prefault* const prefault = machine.prefault()) {
    status.prefault = {.populated_bytes = prefault->counts().populated_bytes,
                       .mapped_bytes = prefault->counts().mapped_bytes};
  }
  if (const auto network = machine.network_counts()) {
    status.network = {.sent_packets = network->sent_packets,
                      .sent_bytes = network->sent_bytes,
                      .sent_dropped = network->sent_dropped,
                      .send_holds = network->send_waits.holds,
                      .send_held_ns = network->send_waits.held_ns,
                      .received_packets = network->received_packets,
                      .received_bytes = network->received_bytes,
                      .received_dropped = network->received_dropped,
                      .receive_holds = network->receive_waits.holds,
                      .receive_held_ns = network->receive_waits.held_ns};
  }
  if (const auto disks = machine.disk_counts()) {
    status.disks = {.reads = disks->reads,
                    .read_bytes = disks->read_bytes,
                    .read_errors = disks->read_errors,
                    .writes = disks->writes,
                    .written_bytes = disks->written_bytes,
                    .write_errors = disks->write_errors,
                    .flushes = disks->flushes,
                    .flush_errors = disks->flush_errors,
                    .holds = disks->waits.holds,
                    .held_ns = disks->waits.held_ns};
  }
  if (const virtio::Vsock* const sockets = machine.sockets()) {
    const virtio::VsockCounts counts = sockets->counts();
    status.sockets = {.connections = counts.streams.connections,
                      .opened = counts.streams.opened,
                      .bytes_to_guest = counts.streams.bytes_to_guest,
                      .bytes_to_host = counts.streams.bytes_to_host,
                      .send_holds = counts.send_waits.holds,
                      .send_held_ns = counts.send_waits.held_ns,
                      .receive_holds = counts.receive_waits.holds,
                      .receive_held_ns = counts.receive_waits.held_ns};
  }
  const auto exits = machine.exits().values();
  for (std::size_t i = 0; i < exits.size(); ++i) {
    status.exits.emplace_back(ExitCounts::kNames[i], exits[i]);
  }
}

Result<void, Refusal> RunControl::set_balloon(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  if (machine_ == nullptr) {
    return refuse_ending();
  }
  virtio::Balloon* const balloon = machine_->balloon();
  if (balloon == nullptr) {
    return refuse("no-balloon", "this VM has no balloon; start it with --balloon SIZE, which may be 0");
  }
  if (machine_->passthrough() != nullptr) {
    return refuse("bridge",
                  "with --device the balloon keeps memory until it is mapped, and is emptied as that comes "
                  "about; it has no other size");
  }
  if (bytes % HeldMemory::kUnit != 0) {
    return refuse("size", "a balloon's size is a multiple of 2M");
  }
  if (bytes > config_.memory_bytes || config_.memory_bytes - bytes < kBalloonLeaves) {
    return refuse("size", "that is too much of the VM's memory, " +
                              std::to_string(config_.memory_bytes / kMiB) + "M; leave the guest 64M or more");
  }
  balloon->set_target(bytes);
  return {};
}

Result<void, Refusal> RunControl::stop() {
  const std::lock_guard lock(mutex_);
  if (machine_ != nullptr && std::exchange(paused_, false)) {
    machine_->resume();
    lifecycle_.resumed();
  }
  requests_.stop();
  return {};
}

Result<void, Refusal> RunControl::kill() {
  requests_.kill();
  return {};
}

Result<void, Refusal> RunControl::pause() {
  const std::lock_guard lock(mutex_);
  if (machine_ == nullptr) {
    return refuse_ending();
  }
  if (paused_) {
    return refuse("paused", "the VM is paused already");
  }
  paused_ = machine_->pause();
  if (!paused_) {
    return refuse("timeout", "a vCPU waits for the host, and the VM runs on; try again");
  }
  lifecycle_.paused();
  return {};
}

Result<void, Refusal> RunControl::resume() {
  const std::lock_guard lock(mutex_);
  if (machine_ == nullptr) {
    return refuse_ending();
  }
  if (!std::exchange(paused_, false)) {
    return refuse("not-paused", "the VM is not paused");
  }
  machine_->resume();
  lifecycle_.resumed();
  return {};
}

Result<void, Refusal> RunControl::may_exec() {
  const std::lock_guard lock(mutex_);
  switch (state()) {
    case control::State::kEnding:
      return refuse_ending();
    case control::State::kPaused:
      return refuse("paused", "the VM is paused; let it go on by mayfly resume");
    case control::State::kStarting:
      return refuse("starting", "the VM is still starting");
    case control::State::kRunning:
      break;
  }
  if (machine_->sockets() == nullptr) {
    return refuse(
        "no-agent",
        "nothing in this VM takes commands; start it with --id ID, or with --vsock PATH, and not with "
        "--vsock vhost");
  }
  return {};
}

void RunControl::join_agent(Fd client) {
  const std::lock_guard lock(mutex_);
  if (machine_ != nullptr) {
    machine_->join_agent(std::move(client));
  }
}

}  // namespace mayfly::vmm
