// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace mayfly::io {

/// A clock in nanoseconds, and a descriptor that is readable from a time of it on. One thread, but for now(),
/// which is any thread's.
class Alarm {
 public:
  Alarm() = default;
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;
  virtual ~Alarm() = default;

  [[nodiscard]] virtual std::uint64_t now() const noexcept = 0;
  [[nodiscard]] virtual int fd() const noexcept = 0;
  /// Readable from `at_ns` on, and not before; in place of what was set.
  virtual void set(std::uint64_t at_ns) noexcept = 0;
  /// Not readable any more.
  virtual void clear() noexcept = 0;
};

}  // namespace mayfly::io
