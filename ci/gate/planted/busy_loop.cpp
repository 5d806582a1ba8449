// SPDX-License-Identifier: Apache-2.0
//
// A planted regression: linked into a mayfly-init of its own, with --wrap, so that raise_loopback() first
// spins for 0.5 % of a boot. The product has nothing of this.
#include "guest-init/network.hpp"

namespace mayfly::init {

// Two instructions a turn: 208,000 of some 41.6 million.
constexpr long kTurns = 104'000;

Step real_raise_loopback() noexcept asm("__real__ZN6mayfly4init14raise_loopbackEv");
[[gnu::used]] Step wrapped_raise_loopback() noexcept asm("__wrap__ZN6mayfly4init14raise_loopbackEv");

Step wrapped_raise_loopback() noexcept {
  long turns = kTurns;
  asm volatile("1: dec %0\n\tjnz 1b" : "+r"(turns) : : "cc");
  return real_raise_loopback();
}

}  // namespace mayfly::init
