// SPDX-License-Identifier: Apache-2.0
// Any text as a working set: what is taken is one, and is the same when it is written and read again.
#include <cstdint>
#include <string_view>

#include "base/error.hpp"
#include "vmm/working_set_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mayfly;
  // As the corpus has it.
  const vmm::WorkingSetKey key{{1, 2, 255}, 1000, 2000, 64 * kMiB, 2};
  // Safe: bytes viewed as characters.
  const auto set = vmm::read_working_set({reinterpret_cast<const char*>(data), size}, key);
  if (set.has_value()) {
    MAYFLY_ASSERT(is_working_set(*set, key.memory_bytes));
    MAYFLY_ASSERT(!in_units(*set, 2 * kMiB, key.memory_bytes).empty());
    const auto again = vmm::read_working_set(vmm::write_working_set(key, *set), key);
    MAYFLY_ASSERT(again.has_value() && again->size() == set->size());
  }
  return 0;
}
