// SPDX-License-Identifier: Apache-2.0
#include "kvm/vcpu.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/error.hpp"
#include "kvm/cpuid.hpp"
#include "kvm/synthetic_timers.hpp"
#include "kvm/system.hpp"
#include "kvm/vm.hpp"

namespace mayfly::kvm {
namespace {

/// A real-mode guest of a few instructions at 0x1000 in 64 KiB of memory. Runs on any /dev/kvm.
class AssemblyGuest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::access("/dev/kvm", R_OK | W_OK) != 0) {
      GTEST_SKIP() << "no usable /dev/kvm";
    }
  }

  void load(const std::vector<int>& code) {
    void* at = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(at, MAP_FAILED);
    memory_ = Mapping(at, kBytes);
    std::size_t i = kEntry;
    for (const int byte : code) {
      memory_.data()[i++] = static_cast<std::byte>(byte);
    }
    system_.emplace("/dev/kvm");
    vm_.emplace(*system_);
    vm_->add_memory(0, 0, memory_.data(), kBytes, SlotAccess::kReadWrite);
    if (irqchip_.has_value()) {
      vm_->create_irqchip(*irqchip_);
    }
    vcpu_.emplace(*system_, *vm_, 0);
    kvm_sregs sregs = vcpu_->sregs();
    sregs.cs.base = 0;
    sregs.cs.selector = 0;
    vcpu_->set_sregs(sregs);
    kvm_regs regs{};
    regs.rip = kEntry;
    regs.rflags = 2;
    vcpu_->set_regs(regs);
  }

  /// Whether run() returns for a kick that comes after the guest has run for `span`.
  bool is_ended_by_a_kick(std::chrono::milliseconds span) {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    EXPECT_EQ(::sigaction(SIGRTMIN, &action, nullptr), 0);
    std::atomic<bool> interrupted{false};
    std::thread runner([&] { interrupted = std::holds_alternative<Interrupted>(vcpu_->run()); });
    std::this_thread::sleep_for(span);
    vcpu_->kick();
    ::pthread_kill(runner.native_handle(), SIGRTMIN);
    runner.join();
    return interrupted;
  }

  static constexpr std::size_t kBytes = 64 << 10U;
  static constexpr std::size_t kEntry = 0x1000;
  std::optional<Irqchip> irqchip_;
  Mapping memory_;
  std::optional<System> system_;
  std::optional<Vm> vm_;
  std::optional<Vcpu> vcpu_;
};

TEST_F(AssemblyGuest, PortWriteIsAnExitWithItsBytes) {
  load({0xb0, 0x61, 0xe6, 0x80, 0xf4});  // mov al, 0x61; out 0x80, al; hlt
  const VmExit exit = vcpu_->run();
  const auto* out = std::get_if<IoOut>(&exit);
  ASSERT_NE(out, nullptr);
  EXPECT_EQ(out->port, 0x80);
  ASSERT_EQ(out->data.size(), 1U);
  EXPECT_EQ(out->data[0], std::byte{0x61});
  EXPECT_TRUE(std::holds_alternative<Halt>(vcpu_->run()));
}

TEST_F(AssemblyGuest, PortReadTakesWhatWasFilledIn) {
  load({0xe4, 0x42, 0xe6, 0x43, 0xf4});  // in al, 0x42; out 0x43, al; hlt
  VmExit exit = vcpu_->run();
  const auto* in = std::get_if<IoIn>(&exit);
  ASSERT_NE(in, nullptr);
  EXPECT_EQ(in->port, 0x42);
  in->data[0] = std::byte{0x5a};
  exit = vcpu_->run();
  const auto* out = std::get_if<IoOut>(&exit);
  ASSERT_NE(out, nullptr);
  EXPECT_EQ(out->data[0], std::byte{0x5a});
}

TEST_F(AssemblyGuest, StoreOutsideMemoryIsAnExit) {
  load({0xb8, 0x00, 0xf0, 0x8e, 0xd8, 0xc6, 0x06, 0x10, 0x00, 0x77, 0xf4});
  // mov ax, 0xf000; mov ds, ax; mov byte [0x10], 0x77; hlt
  const VmExit exit = vcpu_->run();
  const auto* store = std::get_if<MmioWrite>(&exit);
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(store->address, 0xf0010U);
  ASSERT_EQ(store->data.size(), 1U);
  EXPECT_EQ(store->data[0], std::byte{0x77});
}

TEST_F(AssemblyGuest, CallThatSharesMemoryIsAnExitAndItsAnswerIsTheGuests) {
  load({0x66, 0xb8, 0x0c, 0x00, 0x00, 0x00, 0x66, 0xbb, 0x00, 0x00, 0x20, 0x00, 0x66, 0xb9, 0x00,
        0x02, 0x00, 0x00, 0x66, 0xba, 0x10, 0x00, 0x00, 0x00, 0x0f, 0x01, 0xc1, 0xe6, 0x80, 0xf4});
  // mov eax, 12; mov ebx, 0x200000; mov ecx, 512; mov edx, 16; vmcall; out 0x80, al; hlt
  if (!hardware_virtualization() || !vm_->take_map_range()) {
    GTEST_SKIP() << "this KVM emulates, or has no KVM_CAP_EXIT_HYPERCALL";
  }
  VmExit exit = vcpu_->run();
  const auto* call = std::get_if<MapRange>(&exit);
  ASSERT_NE(call, nullptr);
  EXPECT_EQ(call->address, 0x200000U);
  EXPECT_EQ(call->pages, 512U);
  EXPECT_EQ(call->attributes, 16U);
  *call->answer = 0x5a;
  exit = vcpu_->run();
  const auto* out = std::get_if<IoOut>(&exit);
  ASSERT_NE(out, nullptr);
  EXPECT_EQ(out->data[0], std::byte{0x5a});
}

/// Writes a register; the port that it then writes says what became of that.
class SyntheticTimersGuest : public AssemblyGuest {
 protected:
  enum Port : std::uint16_t { kWritten = 0x80, kFaulted = 0x81, kNothing = 0 };

  void SetUp() override {
    AssemblyGuest::SetUp();
    if (!IsSkipped() && !has_synthetic_timers(Vm(System("/dev/kvm")))) {
      GTEST_SKIP() << "this KVM has no timers of Hyper-V (CONFIG_KVM_HYPERV)";
    }
  }

  struct Write {
    std::uint32_t number;
    std::uint32_t value;
  };

  /// Loads what writes registers and then runs `more`.
  void load_writes(std::initializer_list<Write> writes, std::initializer_list<int> more) {
    const auto bytes_of = [](std::uint32_t word, unsigned byte) {
      return static_cast<int>(word >> 8 * byte & 0xffU);
    };
    std::vector<int> code;
    for (const auto [number, value] : writes) {
      // mov ecx, number; mov eax, value; xor edx, edx; wrmsr
      code.insert(code.end(), {0x66, 0xb9, bytes_of(number, 0), bytes_of(number, 1), bytes_of(number, 2),
                               bytes_of(number, 3), 0x66, 0xb8, bytes_of(value, 0), bytes_of(value, 1),
                               bytes_of(value, 2), bytes_of(value, 3), 0x66, 0x31, 0xd2, 0x0f, 0x30});
    }
    code.insert(code.end(), more);
    irqchip_ = Irqchip::kMessages;
    load(code);
    constexpr std::size_t kProtectionFault = 13 * 4;
    constexpr std::array kHandler{std::byte{0xe6}, std::byte{kFaulted}};  // out 0x81, al
    std::memcpy(memory_.data() + kProtectionFault, &kHandlerAt, sizeof(kHandlerAt));
    std::memcpy(memory_.data() + kHandlerAt, kHandler.data(), kHandler.size());
    give_synthetic_timers(*vcpu_);
    Cpuid cpuid(*system_, 1);
    cpuid.add_synthetic_timers();
    vcpu_->set_cpuid(cpuid.for_vcpu(0));
  }

  Port write_register(std::uint32_t number, std::uint32_t value) {
    load_writes({{number, value}}, {0xe6, kWritten});  // out 0x80, al
    const VmExit exit = vcpu_->run();
    const auto* out = std::get_if<IoOut>(&exit);
    return out == nullptr ? kNothing : static_cast<Port>(out->port);
  }

 private:
  static constexpr std::uint16_t kHandlerAt = 0x1800;
};

// Hyper-V TLFS, appendix B, MSRs.
TEST_F(SyntheticTimersGuest, AGuestHasTheTimersAndNothingElseOfHyperV) {
  for (std::uint32_t timer = 0x400000b0; timer <= 0x400000b7; ++timer) {
    EXPECT_EQ(write_register(timer, 0), kWritten) << std::hex << timer;
  }
  for (const std::uint32_t other :
       {0x40000000U /* who it is */, 0x40000001U /* page of hypercalls */, 0x40000003U /* reset */,
        0x40000021U /* page of the TSC */, 0x40000070U /* end of interrupt */,
        0x40000073U /* page of the APIC */, 0x40000080U /* synthetic interrupts */,
        0x40000083U /* page of messages */, 0x40000090U /* one of them */, 0x40000100U /* crash */,
        0x400000f1U /* debugger */}) {
    EXPECT_EQ(write_register(other, 1), kFaulted) << std::hex << other;
  }
}

// KVM starts such a timer anew on the way into the guest: it takes all of the guest's time, and none of ours.
TEST_F(SyntheticTimersGuest, AGuestWhoseTimerNeverRestsCanBeStopped) {
  constexpr std::uint32_t kPeriodicByVector = 0x1000 | 0x40 << 4 | 0xb;
  load_writes({{0x400000b0, kPeriodicByVector}, {0x400000b1, 1}}, {0xeb, 0xfe});  // each 100 ns; jmp $
  EXPECT_TRUE(is_ended_by_a_kick(std::chrono::milliseconds(50)));
}

TEST_F(AssemblyGuest, KickEndsAnEndlessLoop) {
  load({0xeb, 0xfe});  // jmp $
  EXPECT_TRUE(is_ended_by_a_kick(std::chrono::milliseconds(0)));
}

TEST(System, MissingDeviceSaysWhatToLoad) {
  try {
    const System system("/nonexistent/kvm");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::strstr(error.what(), "modprobe kvm_intel"), nullptr) << error.what();
  }
}

TEST(System, OtherDeviceIsNotTakenForKvm) {
  try {
    const System system("/dev/null");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::strstr(error.what(), "/dev/null is not a KVM device"), nullptr) << error.what();
  }
}

}  // namespace
}  // namespace mayfly::kvm
