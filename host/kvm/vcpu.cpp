// SPDX-License-Identifier: Apache-2.0
#include "kvm/vcpu.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include <linux/kvm_para.h>
#include <sys/ioctl.h>

#include "base/error.hpp"

namespace mayfly::kvm {
namespace {

Fd create_vcpu(const Vm& vm, std::uint32_t id) {
  Fd fd(::ioctl(vm.fd(), KVM_CREATE_VCPU, static_cast<unsigned long>(id)));
  if (!fd) {
    fail_errno("cannot create vCPU " + std::to_string(id) + " (KVM_CREATE_VCPU)");
  }
  return fd;
}

Mapping map_shared(int fd, std::size_t bytes) {
  void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) {
    fail_errno("cannot map the vCPU's shared page");
  }
  return {at, bytes};
}

}  // namespace

Vcpu::Vcpu(const System& system, const Vm& vm, std::uint32_t id)
    : id_(id), fd_(create_vcpu(vm, id)), map_(map_shared(fd_.get(), system.vcpu_map_bytes())) {}

kvm_run& Vcpu::shared() const noexcept {
  return *reinterpret_cast<kvm_run*>(map_.data());  // Safe: KVM's own layout of this mapping.
}

void Vcpu::enable(std::uint32_t capability, std::uint64_t argument) {
  enable_capability(fd_.get(), capability, argument);
}

void Vcpu::set_cpuid(const kvm_cpuid2* table) {
  if (::ioctl(fd_.get(), KVM_SET_CPUID2, table) < 0) {
    fail_errno("KVM_SET_CPUID2");
  }
}

void Vcpu::set_msrs(std::span<const kvm_msr_entry> entries) {
  constexpr std::size_t kMax = 16;
  MAYFLY_ASSERT(entries.size() <= kMax);
  alignas(kvm_msrs) std::array<std::byte, sizeof(kvm_msrs) + kMax * sizeof(kvm_msr_entry)> storage{};
  auto* request = reinterpret_cast<kvm_msrs*>(storage.data());  // Safe: zeroed, aligned, large enough.
  request->nmsrs = static_cast<std::uint32_t>(entries.size());
  std::memcpy(storage.data() + sizeof(kvm_msrs), entries.data(), entries.size_bytes());
  const int done = ::ioctl(fd_.get(), KVM_SET_MSRS, request);
  if (done < 0) {
    fail_errno("KVM_SET_MSRS");
  }
  if (static_cast<std::size_t>(done) != entries.size()) {
    throw Error("KVM refuses model-specific register " +
                std::to_string(entries[static_cast<std::size_t>(done)].index));
  }
}

kvm_regs Vcpu::regs() const {
  kvm_regs regs{};
  if (::ioctl(fd_.get(), KVM_GET_REGS, &regs) < 0) {
    fail_errno("KVM_GET_REGS");
  }
  return regs;
}

void Vcpu::set_regs(const kvm_regs& regs) {
  if (::ioctl(fd_.get(), KVM_SET_REGS, &regs) < 0) {
    fail_errno("KVM_SET_REGS");
  }
}

kvm_sregs Vcpu::sregs() const {
  kvm_sregs sregs{};
  if (::ioctl(fd_.get(), KVM_GET_SREGS, &sregs) < 0) {
    fail_errno("KVM_GET_SREGS");
  }
  return sregs;
}

void Vcpu::set_sregs(const kvm_sregs& sregs) {
  if (::ioctl(fd_.get(), KVM_SET_SREGS, &sregs) < 0) {
    fail_errno("KVM_SET_SREGS");
  }
}

VmExit Vcpu::run() noexcept {
  if (::ioctl(fd_.get(), KVM_RUN, 0) < 0) {
    const int error = errno;
    if (error == EINTR || error == EAGAIN) {
      return Interrupted{};
    }
    return Unknown{0, static_cast<std::uint64_t>(error)};
  }
  const kvm_run& run = shared();
  switch (run.exit_reason) {
    case KVM_EXIT_IO:
      return decode_io();
    case KVM_EXIT_MMIO:
      return decode_mmio();
    case KVM_EXIT_HYPERCALL:
      return decode_hypercall();
    case KVM_EXIT_HLT:
      return Halt{};
    case KVM_EXIT_SHUTDOWN:
      return Shutdown{};
    case KVM_EXIT_SYSTEM_EVENT:
      return SystemEvent{run.system_event.type};
    case KVM_EXIT_DIRTY_RING_FULL:
      return DirtyRingFull{};
    case KVM_EXIT_INTR:
      return Interrupted{};
    case KVM_EXIT_FAIL_ENTRY:
      return Unknown{run.exit_reason, run.fail_entry.hardware_entry_failure_reason};
    case KVM_EXIT_INTERNAL_ERROR:
      return Unknown{run.exit_reason, run.internal.suberror};
    default:
      return Unknown{run.exit_reason, 0};
  }
}

VmExit Vcpu::decode_io() noexcept {
  kvm_run& run = shared();
  // KVM, not the guest, writes these; still the span is kept inside the mapping.
  const std::size_t bytes = std::size_t{run.io.size} * run.io.count;
  MAYFLY_ASSERT(run.io.data_offset <= map_.size() && bytes <= map_.size() - run.io.data_offset);
  std::byte* data = map_.data() + run.io.data_offset;
  if (run.io.direction == KVM_EXIT_IO_OUT) {
    return IoOut{run.io.port, run.io.size, {data, bytes}};
  }
  return IoIn{run.io.port, run.io.size, {data, bytes}};
}

VmExit Vcpu::decode_mmio() noexcept {
  kvm_run& run = shared();
  MAYFLY_ASSERT(run.mmio.len <= sizeof(run.mmio.data));
  auto* data = reinterpret_cast<std::byte*>(run.mmio.data);  // Safe: an array of bytes.
  if (run.mmio.is_write != 0) {
    return MmioWrite{run.mmio.phys_addr, {data, run.mmio.len}};
  }
  return MmioRead{run.mmio.phys_addr, {data, run.mmio.len}};
}

VmExit Vcpu::decode_hypercall() noexcept {
  kvm_run& run = shared();
  if (run.hypercall.nr != KVM_HC_MAP_GPA_RANGE) {
    return Unknown{run.exit_reason, run.hypercall.nr};
  }
  return MapRange{.address = run.hypercall.args[0],
                  .pages = run.hypercall.args[1],
                  .attributes = run.hypercall.args[2],
                  .answer = &run.hypercall.ret};
}

void Vcpu::clear_kick() noexcept {
  __atomic_store_n(&shared().immediate_exit, std::uint8_t{0}, __ATOMIC_SEQ_CST);
}

void Vcpu::note_pause() noexcept {
  // EINVAL of a guest that has no kvmclock: nothing to tell.
  (void)::ioctl(fd_.get(), KVM_KVMCLOCK_CTRL, 0);
}

void Vcpu::kick() noexcept { __atomic_store_n(&shared().immediate_exit, std::uint8_t{1}, __ATOMIC_SEQ_CST); }

}  // namespace mayfly::kvm
