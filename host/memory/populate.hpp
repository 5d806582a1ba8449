// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.hpp"

namespace mayfly {

/// The host refused to populate: errno of the system call.
struct PopulateFault {
  int errno_value = 0;
};

/// Puts host memory behind guest memory ahead of its first use. Most of that time is zeroing. Thread-safe.
class Populate {
 public:
  Populate() = default;
  Populate(const Populate&) = delete;
  Populate& operator=(const Populate&) = delete;
  virtual ~Populate() = default;

  /// [host, host + bytes), a part of a Backing, has memory behind it, writable, its content as it was. Takes
  /// time in proportion to `bytes`.
  [[nodiscard]] virtual Result<void, PopulateFault> populate(std::byte* host,
                                                             std::uint64_t bytes) noexcept = 0;
};

/// By MADV_POPULATE_WRITE (Linux 5.14, madvise(2)).
class MadvisePopulate final : public Populate {
 public:
  [[nodiscard]] Result<void, PopulateFault> populate(std::byte* host, std::uint64_t bytes) noexcept override;
};

}  // namespace mayfly
