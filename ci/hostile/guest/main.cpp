// SPDX-License-Identifier: Apache-2.0
//
// A guest that attacks the VMM from all of its vCPUs at once; ci/hostile/README.md.
#include <cstdint>

#include "attack.hpp"
#include "hardware.hpp"
#include "machine.hpp"

namespace hostile {
namespace {

constinit Machine machine;
constinit std::uint32_t finished = 0;

void wake_others() noexcept {
  // Intel SDM 3A, 11.6.1: INIT to all others, then start at page 0x90.
  write_msr(kX2ApicCommand, 0x000c4500);
  write_msr(kX2ApicCommand, 0x000c4690);
}

void power_off() noexcept { port_out(0x601, 0, 0x34); }

}  // namespace
}  // namespace hostile

extern "C" void hostile_main(std::uint32_t cpu) noexcept {
  using namespace hostile;
  if (cpu == 0) {
    explore(machine);
    wake_others();
  }
  for (std::uint32_t round = 0; round < machine.rounds; ++round) {
    Attack(machine, cpu, round).run();
  }
  // The last one; the number is not told, so that a vCPU that an INIT has put back to its start is no error.
  if (__atomic_add_fetch(&finished, 1, __ATOMIC_SEQ_CST) == machine.cpus) {
    power_off();
  }
}

// What the compiler calls to fill and copy objects.
extern "C" void* memset(void* at, int value, std::uint64_t bytes) {
  asm volatile("rep stosb" : "+D"(at), "+c"(bytes) : "a"(value) : "memory");
  return at;
}

extern "C" void* memcpy(void* to, const void* from, std::uint64_t bytes) {
  void* const result = to;
  asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
  return result;
}
