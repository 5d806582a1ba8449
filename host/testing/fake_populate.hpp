// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

#include "memory/populate.hpp"

namespace mayfly::testing {

/// Populates nothing, at once; refuses when told to. Thread-safe.
class FakePopulate final : public Populate {
 public:
  [[nodiscard]] Result<void, PopulateFault> populate(std::byte* /*host*/,
                                                     std::uint64_t bytes) noexcept override {
    const int refusal = refusal_.load();
    if (refusal != 0) {
      return unexpected(PopulateFault{refusal});
    }
    bytes_ += bytes;
    return {};
  }
  /// Refuses from now on.
  void refuse(int errno_value) { refusal_ = errno_value; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  std::atomic<int> refusal_{0};
  std::atomic<std::uint64_t> bytes_{0};
};

}  // namespace mayfly::testing
