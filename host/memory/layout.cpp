// SPDX-License-Identifier: Apache-2.0
#include "memory/layout.hpp"

#include <algorithm>
#include <string>

#include "base/error.hpp"

namespace mayfly {
namespace {

constexpr std::uint64_t kLowRamMax = 3 * kGiB;
constexpr std::uint64_t kHighRamStart = 4 * kGiB;
constexpr std::uint64_t kWindow64Bytes = 64 * kGiB;

}  // namespace

Layout::Layout(std::uint64_t ram_bytes, std::uint64_t pmem_bytes) {
  constexpr std::uint64_t kAnyProcessor = 1ULL << 52U;
  if (ram_bytes > kAnyProcessor || pmem_bytes > kAnyProcessor) {
    throw Error("a guest of " + std::to_string(ram_bytes / kMiB) + " MiB with an image of " +
                std::to_string(pmem_bytes / kMiB) + " MiB is more than any processor can address");
  }
  const std::uint64_t low = std::min(ram_bytes, kLowRamMax);
  ram_[0] = {GuestAddress(0), low};
  std::uint64_t end = kHighRamStart;
  if (ram_bytes > low) {
    ram_[1] = {GuestAddress(kHighRamStart), ram_bytes - low};
    ram_count_ = 2;
    end += ram_bytes - low;
  }
  pmem_ = {GuestAddress(align_up(end, kGiB)), pmem_bytes};
  window64_ = {GuestAddress(align_up(pmem_.start.raw() + pmem_bytes, kGiB)), kWindow64Bytes};
}

void Layout::require_fit(std::uint32_t physical_bits) const {
  const std::uint64_t end = window64_.start.raw() + window64_.bytes;
  if (end > 1ULL << std::min(physical_bits, 52U)) {
    throw Error("this guest needs addresses up to " + std::to_string(end / kGiB) +
                " GiB, and the processor has " + std::to_string(physical_bits) +
                " physical address bits; use less --memory");
  }
}

}  // namespace mayfly
