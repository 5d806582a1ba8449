// SPDX-License-Identifier: Apache-2.0
#include "base/sparse_memory.hpp"

#include <string>

#include "base/error.hpp"

namespace mayfly {

Mapping sparse_memory(std::size_t bytes) {
  void* const at =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) {
    fail_errno("cannot get " + std::to_string(bytes) + " bytes of address space");
  }
  // Refused by a kernel that has none anyway.
  (void)::madvise(at, bytes, MADV_NOHUGEPAGE);
  return {at, bytes};
}

}  // namespace mayfly
