// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guest-init/protocol/frame.hpp"

namespace mayfly::init {

/// Writes boot marks to I/O port 0x80, where the host stamps them with its clock.
class Marks {
 public:
  /// Takes the descriptor of /dev/port. A negative one (a kernel without CONFIG_DEVPORT) makes marks no-ops.
  explicit Marks(int port) noexcept : port_(port) {}

  /// Writes one mark: one system call and one VM exit. Errors are ignored: no boot hangs on a mark.
  void write(protocol::Mark mark) const noexcept;

 private:
  int port_;
};

/// Opens /dev/port close-on-exec, or gives -1. The descriptor is above 2, so that a workload's stdio never
/// lands on it even when the kernel found no console for descriptors 0 to 2.
[[nodiscard]] int open_mark_port() noexcept;

}  // namespace mayfly::init
