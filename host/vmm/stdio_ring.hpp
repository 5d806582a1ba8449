// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "base/byte_ring.hpp"

namespace mayfly::vmm {

/// A ring of bytes with memory of its own.
class StdioRing : public ByteRing {
 public:
  explicit StdioRing(std::size_t capacity)
      : StdioRing(std::make_unique_for_overwrite<std::byte[]>(capacity), capacity) {}

 private:
  StdioRing(std::unique_ptr<std::byte[]> bytes, std::size_t capacity)
      : ByteRing({bytes.get(), capacity}), bytes_(std::move(bytes)) {}

  std::unique_ptr<std::byte[]> bytes_;
};

}  // namespace mayfly::vmm
