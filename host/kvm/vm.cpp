// SPDX-License-Identifier: Apache-2.0
#include "kvm/vm.hpp"

#include <cerrno>
#include <string>

#include <linux/kvm_para.h>
#include <sys/ioctl.h>

#include "base/error.hpp"

namespace mayfly::kvm {
namespace {

// api.rst, KVM_SET_IDENTITY_MAP_ADDR and KVM_SET_TSS_ADDR: one and three pages within the first 4 GiB,
// outside RAM and devices. Below the reset vector, where a PC has its firmware.
constexpr std::uint64_t kIdentityMapAddress = 0xfffbc000;
constexpr unsigned long kTssAddress = 0xfffbd000;

Fd create_vm(const System& system) {
  for (;;) {
    Fd fd(::ioctl(system.fd(), KVM_CREATE_VM, 0UL));
    if (fd) {
      return fd;
    }
    if (errno != EINTR) {
      fail_errno("cannot create a virtual machine (KVM_CREATE_VM)");
    }
  }
}

}  // namespace

Vm::Vm(const System& system) : fd_(create_vm(system)) {
  if (::ioctl(fd_.get(), KVM_SET_IDENTITY_MAP_ADDR, &kIdentityMapAddress) < 0) {
    fail_errno("KVM_SET_IDENTITY_MAP_ADDR");
  }
  if (::ioctl(fd_.get(), KVM_SET_TSS_ADDR, kTssAddress) < 0) {
    fail_errno("KVM_SET_TSS_ADDR");
  }
}

void Vm::create_irqchip(Irqchip irqchip) {
  if (irqchip == Irqchip::kMessages) {
    enable(KVM_CAP_SPLIT_IRQCHIP, 0);
  } else if (::ioctl(fd_.get(), KVM_CREATE_IRQCHIP, 0) < 0) {
    fail_errno("KVM_CREATE_IRQCHIP");
  }
  has_pins_ = irqchip == Irqchip::kMessagesAndPins;
}

void Vm::add_memory(std::uint32_t slot, std::uint64_t guest, std::byte* host, std::uint64_t bytes,
                    SlotAccess access) {
  if (!try_add_memory(slot, guest, host, bytes, access)) {
    fail_errno("KVM refuses guest memory of " + std::to_string(bytes) + " bytes at " + std::to_string(guest));
  }
}

bool Vm::try_add_memory(std::uint32_t slot, std::uint64_t guest, std::byte* host, std::uint64_t bytes,
                        SlotAccess access) noexcept {
  return set_slot(slot, access == SlotAccess::kReadOnly ? KVM_MEM_READONLY : 0, guest, host, bytes);
}

void Vm::log_writes(std::uint32_t slot, std::uint64_t guest, std::byte* host, std::uint64_t bytes, bool on) {
  if (!set_slot(slot, on ? KVM_MEM_LOG_DIRTY_PAGES : 0, guest, host, bytes)) {
    fail_errno("KVM cannot turn dirty logging of memory slot " + std::to_string(slot) +
               (on ? " on" : " off"));
  }
}

std::uint32_t Vm::reset_dirty_rings() {
  const int count = ::ioctl(fd_.get(), KVM_RESET_DIRTY_RINGS, 0);
  if (count < 0) {
    fail_errno("KVM_RESET_DIRTY_RINGS");
  }
  return static_cast<std::uint32_t>(count);
}

bool Vm::set_slot(std::uint32_t slot, std::uint32_t flags, std::uint64_t guest, std::byte* host,
                  std::uint64_t bytes) noexcept {
  kvm_userspace_memory_region region{};
  region.slot = slot;
  region.flags = flags;
  region.guest_phys_addr = guest;
  region.memory_size = bytes;
  region.userspace_addr = reinterpret_cast<std::uint64_t>(host);  // Safe: KVM takes the address as a number.
  return ::ioctl(fd_.get(), KVM_SET_USER_MEMORY_REGION, &region) == 0;
}

bool Vm::remove_memory(std::uint32_t slot) noexcept {
  kvm_userspace_memory_region region{};  // no bytes: KVM_SET_USER_MEMORY_REGION deletes the slot
  region.slot = slot;
  return ::ioctl(fd_.get(), KVM_SET_USER_MEMORY_REGION, &region) == 0;
}

bool Vm::set_write_event(std::uint64_t address, int event, WriteEvent is) noexcept {
  kvm_ioeventfd
      request{};  // no bytes: of any size, and found without decoding the instruction where it can be
  request.addr = address;
  request.fd = event;
  request.flags = is == WriteEvent::kOff ? std::uint32_t{KVM_IOEVENTFD_FLAG_DEASSIGN} : 0;
  return ::ioctl(fd_.get(), KVM_IOEVENTFD, &request) == 0;
}

bool Vm::take_map_range() {
  constexpr std::uint64_t kMapRange = 1U << KVM_HC_MAP_GPA_RANGE;
  if ((static_cast<std::uint64_t>(check(KVM_CAP_EXIT_HYPERCALL)) & kMapRange) == 0) {
    return false;
  }
  enable(KVM_CAP_EXIT_HYPERCALL, kMapRange);
  return true;
}

void Vm::enable(std::uint32_t capability, std::uint64_t argument) {
  enable_capability(fd_.get(), capability, argument);
}

int Vm::check(std::uint32_t capability) const noexcept {
  const int value = ::ioctl(fd_.get(), KVM_CHECK_EXTENSION, capability);
  return value < 0 ? 0 : value;
}

bool Vm::signal_msi(std::uint64_t address, std::uint32_t data) const noexcept {
  kvm_msi message{};
  message.address_lo = static_cast<std::uint32_t>(address);
  message.address_hi = static_cast<std::uint32_t>(address >> 32U);
  message.data = data;
  return ::ioctl(fd_.get(), KVM_SIGNAL_MSI, &message) > 0;
}

}  // namespace mayfly::kvm
