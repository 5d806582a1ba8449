// SPDX-License-Identifier: Apache-2.0
#include "vmm/control_point.hpp"

#include <exception>
#include <utility>

#include "control/socket_folder.hpp"
#include "sandbox/sandbox.hpp"

namespace mayfly::vmm {

ControlPoint::ControlPoint(const RunConfig& config, std::string id, const boot::BootTimeline& timeline)
    : lifecycle_(config.listeners, id_, timeline), control_(config, id_, timeline, requests_, lifecycle_) {
  if (!config.id.empty()) {
    serve_as(std::move(id), config.keeps_log);
    return;
  }
  try {
    serve_as(std::move(id), false);
  } catch (const std::exception&) {
    // Nobody has asked for it by name, and a host without such a folder is none to complain of at each run.
  }
}

void ControlPoint::serve_as(std::string id, bool keeps_log) {
  const control::SocketFolder folder(control::socket_folder(), control::SocketFolder::IfMissing::kMake);
  id_ = std::move(id);
  lease::Listener listener = folder.claim(id_);
  folder_ = listener.folder();
  if (keeps_log) {
    log_.emplace(folder.make_log(id_));
    hearer_.emplace(*log_);
  }
  control::ServerRules rules;
  rules.thread_starts = []() noexcept { sandbox::confine_thread(sandbox::ThreadKind::kControl); };
  server_.emplace(std::move(listener), control_, rules);
  speak_to(hearer_ ? &*hearer_ : nullptr);
}

void ControlPoint::finish(int exit_status) noexcept {
  if (server_) {
    server_->finish(exit_status);
  }
}

}  // namespace mayfly::vmm
