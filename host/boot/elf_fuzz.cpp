// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/checked.hpp"
#include "base/error.hpp"
#include "boot/kernel_image.hpp"
#include "boot/start_info.hpp"

// Any bytes as a kernel file: refused, or an image that keeps what kernel_image.hpp promises.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mayfly;        // NOLINT(google-build-using-namespace)
  using namespace mayfly::boot;  // NOLINT(google-build-using-namespace)
  const auto image = parse_elf(SpanSource(std::as_bytes(std::span(data, size))));
  if (!image) {
    MAYFLY_ASSERT(!describe(image.error()).empty());
    return 0;
  }
  bool entry_inside = false;
  for (const KernelImage::Segment& segment : image->loads()) {
    MAYFLY_ASSERT(segment.file_offset <= size && segment.file_bytes <= size - segment.file_offset);
    MAYFLY_ASSERT(segment.file_bytes <= segment.memory.bytes);
    MAYFLY_ASSERT(segment.memory.start.plus(segment.memory.bytes).has_value());
    entry_inside |= segment.memory.contains(image->entry);
  }
  MAYFLY_ASSERT(entry_inside);
  const GuestMemory::Region ram[] = {{{GuestAddress(0), 512 * kMiB}, nullptr},
                                     {{GuestAddress(4 * kGiB), 512 * kMiB}, nullptr}};
  const GuestRange reserved[] = {kBootData, kLegacyHole};
  if (check_placement(*image, ram, reserved)) {
    return 0;
  }
  for (const KernelImage::Segment& segment : image->loads()) {
    MAYFLY_ASSERT(segment.memory.start.raw() + segment.memory.bytes <= 4 * kGiB + 512 * kMiB);
    MAYFLY_ASSERT(!segment.memory.contains(kLegacyHole.start));
  }
  return 0;
}
