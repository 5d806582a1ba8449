// SPDX-License-Identifier: Apache-2.0
#include "testing/hostile_page.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "base/error.hpp"
#include "base/fd.hpp"

namespace mayfly::testing {
namespace {

constexpr greg_t kTrapFlag = 0x100;

HostilePage* the_page = nullptr;
struct sigaction before_segv;
struct sigaction before_trap;

void on_fault(int /*signal*/, siginfo_t* info, void* context) {
  if (the_page == nullptr || !the_page->open_for_one_instruction(static_cast<std::byte*>(info->si_addr))) {
    // Somebody else's: faults again, to the handler that was there before.
    ::sigaction(SIGSEGV, &before_segv, nullptr);
    return;
  }
  static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL] |= kTrapFlag;
}

void on_step(int /*signal*/, siginfo_t* /*info*/, void* context) {
  static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL] &= ~kTrapFlag;
  the_page->close_again();
}

Mapping map(const Fd& fd) {
  void* at = ::mmap(nullptr, HostilePage::kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (at == MAP_FAILED) {
    fail_errno("cannot map the hostile page");
  }
  return {at, HostilePage::kBytes};
}

GuestMemory memory_of(const Mapping& view) {
  return GuestMemory(
      std::array{GuestMemory::Region{.guest = {GuestAddress(0), view.size()}, .host = view.data()}});
}

Fd shared_page() {
  Fd fd(::memfd_create("hostile page", MFD_CLOEXEC));
  if (!fd || ::ftruncate(fd.get(), HostilePage::kBytes) != 0) {
    fail_errno("cannot make the hostile page");
  }
  return fd;
}

}  // namespace

HostilePage::HostilePage() : driver_memory_(std::span<const GuestMemory::Region>{}), memory_(driver_memory_) {
  MAYFLY_ASSERT(the_page == nullptr);
  const Fd fd = shared_page();
  driver_view_ = map(fd);
  device_view_ = map(fd);
  driver_memory_ = memory_of(driver_view_);
  memory_ = memory_of(device_view_);
  the_page = this;
  struct sigaction action {};
  action.sa_flags = SA_SIGINFO;
  action.sa_sigaction = on_fault;
  ::sigaction(SIGSEGV, &action, &before_segv);
  action.sa_sigaction = on_step;
  ::sigaction(SIGTRAP, &action, &before_trap);
}

HostilePage::~HostilePage() {
  ::sigaction(SIGSEGV, &before_segv, nullptr);
  ::sigaction(SIGTRAP, &before_trap, nullptr);
  the_page = nullptr;
}

void HostilePage::on_access(AfterAccess after_access, void* context) {
  after_access_ = after_access;
  context_ = context;
  accesses_ = 0;
  ::mprotect(device_view_.data(), kBytes, after_access == nullptr ? PROT_READ | PROT_WRITE : PROT_NONE);
}

bool HostilePage::open_for_one_instruction(const std::byte* address) noexcept {
  if (after_access_ == nullptr || address < device_view_.data() || address >= device_view_.data() + kBytes) {
    return false;
  }
  last_offset_ = static_cast<std::size_t>(address - device_view_.data());
  ::mprotect(device_view_.data(), kBytes, PROT_READ | PROT_WRITE);
  return true;
}

void HostilePage::close_again() noexcept {
  ++accesses_;
  after_access_(*this, last_offset_, context_);
  ::mprotect(device_view_.data(), kBytes, PROT_NONE);
}

}  // namespace mayfly::testing
