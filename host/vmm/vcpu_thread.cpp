// SPDX-License-Identifier: Apache-2.0
#include "vmm/vcpu_thread.hpp"

#include <string>
#include <system_error>

#include <pthread.h>
#include <signal.h>

#include "base/error.hpp"
#include "sandbox/sandbox.hpp"
#include "vmm/thread_cpus.hpp"

namespace mayfly::vmm {
namespace {

/// Does nothing but interrupt KVM_RUN.
int kick_signal() noexcept { return SIGRTMIN; }

void catch_kick_signal() {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  if (::sigaction(kick_signal(), &action, nullptr) < 0) {
    fail_errno("sigaction");
  }
}

}  // namespace

VcpuThread::~VcpuThread() {
  request_stop();
  join();
}

void VcpuThread::start() {
  catch_kick_signal();
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    throw Error(error.code().value(), "cannot start a thread for vCPU " + std::to_string(vcpu_.id()));
  }
  if (!cpus_.empty()) {
    kvm_started_.get_future().wait();
    pin_thread(thread_.native_handle(), cpus_);
  }
}

void VcpuThread::run() noexcept {
  sandbox::confine_thread(sandbox::ThreadKind::kVcpu);
  if (!cpus_.empty()) {
    let_kvm_start();
  }
  while (!stop_.load()) {
    if (gate_.is_closed() || interrupted_.load()) {
      pause();
    } else if (handler_.handle(vcpu_.run(), counts_) == AfterExit::kStop) {
      break;
    }
  }
  gate_.leave();
}

// The first KVM_RUN of a VM makes a thread of KVM's own (arch/x86/kvm/mmu/mmu.c, kvm_mmu_post_init_vm), which
// has the CPUs of its maker ever after. So one that does not enter the guest comes before this thread has
// CPUs to itself.
void VcpuThread::let_kvm_start() noexcept {
  vcpu_.kick();
  static_cast<void>(vcpu_.run());
  // An interrupt() meanwhile is known by interrupted_.
  vcpu_.clear_kick();
  kvm_started_.set_value();
}

void VcpuThread::pause() noexcept {
  if (gate_.is_closed()) {
    gate_.hold();
    vcpu_.note_pause();
  }
  // BEWARE: what interrupt() was called for, stop or gate, is looked at after this, so no call is lost.
  interrupted_.store(false);
  vcpu_.clear_kick();
}

void VcpuThread::request_stop() noexcept {
  stop_.store(true);
  interrupt();
}

void VcpuThread::interrupt() noexcept {
  interrupted_.store(true);
  // BEWARE: the flag in the vCPU's page catches a run that is about to begin, the signal one that has begun;
  // only both together lose none.
  vcpu_.kick();
  if (thread_.joinable()) {
    ::pthread_kill(thread_.native_handle(), kick_signal());
  }
}

void VcpuThread::join() noexcept {
  if (thread_.joinable()) {
    thread_.join();
  }
}

}  // namespace mayfly::vmm
