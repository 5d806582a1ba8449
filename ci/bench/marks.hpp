// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <cstdlib>

#include <cpuid.h>

// What enclosed work in a guest is known by: CPUID of a leaf that there is not, which every hypervisor sees,
// traces, and answers alike, and which needs no privilege. boot_figures.py has them.

constexpr unsigned kMarkLeaf = 0x4d460000;

inline void require(bool holds, const char* what) {
  if (!holds) {
    std::perror(what);
    std::exit(1);
  }
}

inline void mark(unsigned number) {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  __cpuid(kMarkLeaf + number, a, b, c, d);
}

/// Does something between its two marks. `work` is what the first's leaf ends with, an even number; the
/// second's is one more.
template <typename Work, typename Do>
void measure(Work work, Do&& act) {
  mark(static_cast<unsigned>(work));
  act();
  mark(static_cast<unsigned>(work) + 1);
}
