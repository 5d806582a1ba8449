// SPDX-License-Identifier: Apache-2.0
#include "vmm/control_point.hpp"

#include <exception>
#include <utility>

#include "base/clock.hpp"
#include "control/socket_folder.hpp"
#include "control/vm_id.hpp"

namespace mayfly::vmm {

ControlPoint::ControlPoint(const RunConfig& config, const boot::BootTimeline& timeline)
    : control_(config, id_, timeline, requests_) {
  if (!config.id.empty()) {
    serve_as(config.id);
  }
}

void ControlPoint::serve_as(std::string id) {
  const control::SocketFolder folder(control::socket_folder(), control::SocketFolder::IfMissing::kMake);
  id_ = std::move(id);
  server_.emplace(folder.claim(id_), control_);
}

void ControlPoint::machine_runs(Machine& machine) {
  constexpr std::uint64_t kBootNs = 100'000'000;
  control_.attach(machine);
  if (!server_) {
    socket_due_ns_ = monotonic_ns() + kBootNs;
  }
}

void ControlPoint::make_socket() noexcept {
  socket_due_ns_ = 0;
  try {
    serve_as(control::random_vm_id());
  } catch (const std::exception&) {
    // Nobody has asked for it by name, and a host without such a folder is none to complain of at each run.
  }
}

void ControlPoint::finish(int exit_status) noexcept {
  if (server_) {
    server_->finish(exit_status);
  }
}

}  // namespace mayfly::vmm
