// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace mayfly::io {

/// One message-signalled interrupt, as a PCI function would write it (PCI 3.0, 6.8).
struct MsiMessage {
  std::uint64_t address = 0;
  std::uint32_t data = 0;
  friend constexpr bool operator==(const MsiMessage&, const MsiMessage&) noexcept = default;
};

/// Delivers messages to the guest's local APICs. Any thread.
class MsiSink {
 public:
  MsiSink() = default;
  MsiSink(const MsiSink&) = delete;
  MsiSink& operator=(const MsiSink&) = delete;
  virtual ~MsiSink() = default;

  /// A message that names no APIC is dropped, as on hardware.
  virtual void send(const MsiMessage& message) noexcept = 0;
};

}  // namespace mayfly::io
