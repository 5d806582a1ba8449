// SPDX-License-Identifier: Apache-2.0
#include "vmm/stdio_thread.hpp"

#include <chrono>
#include <system_error>

#include <pthread.h>
#include <signal.h>

#include "sandbox/sandbox.hpp"
#include "vmm/thread_cpus.hpp"

namespace mayfly::vmm {
namespace {

// A signal of its own: a handler without SA_RESTART makes a blocked system call return.
int interrupt_signal() noexcept { return SIGRTMIN + 1; }

bool install_interrupt() noexcept {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  return ::sigaction(interrupt_signal(), &action, nullptr) == 0;
}

void change_mask(int how, int signal) noexcept {
  sigset_t set{};
  ::sigemptyset(&set);
  ::sigaddset(&set, signal);
  ::pthread_sigmask(how, &set, nullptr);
}

}  // namespace

StdioThread::StdioThread() noexcept
    : interruptible_([] {
        static const bool installed = install_interrupt();
        return installed;
      }()) {}

bool StdioThread::start(void (*body)(void*) noexcept, void* argument) noexcept {
  try {
    thread_ = std::thread([this, body, argument] { run(body, argument); });
  } catch (const std::system_error&) {
    return false;
  }
  follow_main_thread(thread_.native_handle());
  return interruptible_;
}

void StdioThread::run(void (*body)(void*) noexcept, void* argument) noexcept {
  sandbox::confine_thread(sandbox::ThreadKind::kStdio);
  change_mask(SIG_UNBLOCK, interrupt_signal());
  // A background job that reads its terminal gets EIO instead of stopping the whole machine.
  change_mask(SIG_BLOCK, SIGTTIN);
  body(argument);
  const std::lock_guard lock(mutex_);
  finished_ = true;
  finish_.notify_one();
}

void StdioThread::end() noexcept {
  if (!thread_.joinable()) {
    return;
  }
  std::unique_lock lock(mutex_);
  while (!finished_) {
    // Again and again: a signal between the body's check and its system call interrupts nothing.
    ::pthread_kill(thread_.native_handle(), interrupt_signal());
    finish_.wait_for(lock, std::chrono::milliseconds(1));
  }
  lock.unlock();
  thread_.join();
}

}  // namespace mayfly::vmm
