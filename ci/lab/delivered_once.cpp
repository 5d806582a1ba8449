// SPDX-License-Identifier: Apache-2.0
//
// Counts how often a guest's handler is entered for interrupts that come one by one, with interrupts off for
// some tenths of a host's tick each time. Prints "N injected, N entered, 0 entered anew".
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

namespace {

constexpr int kInjected = 300;
constexpr std::size_t kMemory = 0x4000;
constexpr std::size_t kMain = 0x1000;
constexpr std::size_t kHandler = 0x1100;
constexpr std::size_t kCounts = 0x2000;
constexpr std::size_t kStack = 0x3ff0;
constexpr unsigned kLine = 3;
constexpr std::size_t kVector = 0x20 + kLine;

// Real mode. Sets the 8259 up with vectors from 0x20 and automatic ends of interrupt, then asks for one
// interrupt after the other by an exit, with interrupts on.
constexpr std::array<std::uint8_t, 25> kMainCode{
    0xb0, 0x11, 0xe6, 0x20,  // mov al, 0x11; out 0x20, al
    0xb0, 0x20, 0xe6, 0x21,  // mov al, 0x20; out 0x21, al
    0xb0, 0x04, 0xe6, 0x21,  // mov al, 0x04; out 0x21, al
    0xb0, 0x03, 0xe6, 0x21,  // mov al, 0x03; out 0x21, al
    0xb0, 0x00, 0xe6, 0x21,  // mov al, 0x00; out 0x21, al
    0xfb,                    // ask: sti
    0xe6, 0x10,              // out 0x10, al
    0xeb, 0xfb,              // jmp ask
};

// Words in memory: entered, entered anew, and whether it is within.
constexpr std::array<std::uint8_t, 37> kHandlerCode{
    0xff, 0x06, 0x00, 0x20,              // inc word [0x2000]
    0x83, 0x3e, 0x04, 0x20, 0x00,        // cmp word [0x2004], 0
    0x74, 0x05,                          // je first
    0xff, 0x06, 0x02, 0x20,              // inc word [0x2002]
    0xcf,                                // iret
    0xc7, 0x06, 0x04, 0x20, 0x01, 0x00,  // first: mov word [0x2004], 1
    0x66, 0xb9, 0x00, 0x00, 0x08, 0x00,  // mov ecx, 1 << 19
    0x66, 0x49,                          // spin: dec ecx
    0x75, 0xfc,                          // jnz spin
    0x89, 0x0e, 0x04, 0x20,              // mov [0x2004], cx
    0xcf,                                // iret
};

struct Guest {
  int vm = -1;
  int vcpu = -1;
  std::uint8_t* memory = nullptr;
  kvm_run* run = nullptr;
};

bool done(int status, const char* what) {
  if (status < 0) {
    std::perror(what);
  }
  return status >= 0;
}

bool start_at_main(int vcpu) {
  kvm_sregs sregs{};
  if (!done(ioctl(vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS")) {
    return false;
  }
  sregs.cs.base = 0;
  sregs.cs.selector = 0;
  const kvm_regs regs{.rsp = kStack, .rip = kMain, .rflags = 2};
  return done(ioctl(vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS") &&
         done(ioctl(vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
}

bool create(Guest& guest) {
  const int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
  if (!done(kvm, "/dev/kvm") || !done(guest.vm = ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM") ||
      !done(ioctl(guest.vm, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP") ||
      !done(guest.vcpu = ioctl(guest.vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU")) {
    return false;
  }
  guest.memory = static_cast<std::uint8_t*>(
      mmap(nullptr, kMemory, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  const auto size = static_cast<std::size_t>(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0));
  guest.run = static_cast<kvm_run*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, guest.vcpu, 0));
  std::memcpy(guest.memory + kMain, kMainCode.data(), kMainCode.size());
  std::memcpy(guest.memory + kHandler, kHandlerCode.data(), kHandlerCode.size());
  const auto handler = static_cast<std::uint16_t>(kHandler);
  std::memcpy(guest.memory + 4 * kVector, &handler, sizeof handler);
  const kvm_userspace_memory_region region{.memory_size = kMemory,
                                           .userspace_addr = reinterpret_cast<std::uint64_t>(guest.memory)};
  return done(ioctl(guest.vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION") &&
         start_at_main(guest.vcpu);
}

bool run_until_it_asks(const Guest& guest) {
  if (!done(ioctl(guest.vcpu, KVM_RUN, 0), "KVM_RUN")) {
    return false;
  }
  if (guest.run->exit_reason != KVM_EXIT_IO) {
    std::fprintf(stderr, "the guest has left for reason %u\n", guest.run->exit_reason);
    return false;
  }
  return true;
}

bool inject(int vm) {
  kvm_irq_level up{{kLine}, 1};
  kvm_irq_level down{{kLine}, 0};
  return done(ioctl(vm, KVM_IRQ_LINE, &up), "KVM_IRQ_LINE") &&
         done(ioctl(vm, KVM_IRQ_LINE, &down), "KVM_IRQ_LINE");
}

}  // namespace

int main() {
  Guest guest;
  if (!create(guest) || !run_until_it_asks(guest)) {
    return 1;
  }
  for (int injected = 0; injected < kInjected; ++injected) {
    if (!inject(guest.vm) || !run_until_it_asks(guest)) {
      return 1;
    }
  }
  std::array<std::uint16_t, 2> counts{};
  std::memcpy(counts.data(), guest.memory + kCounts, sizeof counts);
  std::printf("%d injected, %u entered, %u entered anew\n", kInjected, counts[0], counts[1]);
  return 0;
}
